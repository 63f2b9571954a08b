#!/bin/sh
# Makes one cluster of the six servers, once; where it is made already there is nothing to do.
set -eu
REDISCLI_AUTH=$(awk '/^requirepass/ {print $2}' /run/secrets/redis/auth.conf)
export REDISCLI_AUTH
nodes=
for number in 0 1 2 3 4 5; do
  host="redis-cache-$number.redis-cache"
  until address=$(getent hosts "$host" | awk '{print $1}') && [ -n "$address" ] &&
    redis-cli -h "$host" ping | grep -q PONG; do
    sleep 2
  done
  nodes="$nodes $address:6379"
done
if redis-cli -h redis-cache-0.redis-cache cluster info | grep -q '^cluster_state:ok'; then
  echo "the cluster is there"
  exit 0
fi
# shellcheck disable=SC2086
redis-cli --cluster create $nodes --cluster-replicas 1 --cluster-yes
