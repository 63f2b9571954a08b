#!/bin/sh
# Starts a sentinel: it asks the others whom they follow before it believes in number 0.
set -eu
password=$(awk '/^requirepass/ {print $2}' /run/secrets/redis/sentinel_auth.conf)
leader=redis-broker-0.redis-broker
for number in 0 1 2; do
  found=$(REDISCLI_AUTH=$password timeout 2 redis-cli -h "redis-broker-$number.redis-broker" -p 26379 \
    sentinel get-master-addr-by-name broker 2> /dev/null | head -n 1) || continue
  [ -z "$found" ] || leader=$found
done
{
  echo "port 26379"
  echo "dir /run/redis"
  echo "sentinel resolve-hostnames yes"
  echo "sentinel announce-hostnames yes"
  echo "sentinel announce-ip $(hostname).redis-broker"
  echo "sentinel monitor broker $leader 6379 2"
  echo "sentinel down-after-milliseconds broker 3000"
  echo "sentinel failover-timeout broker 15000"
  echo "sentinel parallel-syncs broker 1"
  cat /run/secrets/redis/sentinel_auth.conf
} > /run/redis/sentinel.conf
exec redis-server /run/redis/sentinel.conf --sentinel
