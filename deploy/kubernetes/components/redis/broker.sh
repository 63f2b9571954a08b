#!/bin/sh
# Starts a server of the broker: as replica of whom the sentinels name; where they name nobody yet, number 0 leads.
set -eu
me="$(hostname).redis-broker"
password=$(awk '/^requirepass/ {print $2}' /run/secrets/redis/auth.conf)

named() {
  for number in 0 1 2; do
    REDISCLI_AUTH=$password timeout 2 redis-cli -h "redis-broker-$number.redis-broker" -p 26379 \
      sentinel get-master-addr-by-name broker 2> /dev/null | head -n 1 | grep . && return
  done
  return 1
}

leader=$(named) || leader=redis-broker-0.redis-broker
cp "$(dirname "$0")/broker.conf" /run/redis/redis.conf
echo "replica-announce-ip $me" >> /run/redis/redis.conf
[ "$leader" = "$me" ] || echo "replicaof $leader 6379" >> /run/redis/redis.conf
exec redis-server /run/redis/redis.conf
