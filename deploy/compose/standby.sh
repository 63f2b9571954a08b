#!/bin/sh
# A standby of `postgres`: copies it once, then follows.
set -eu
data=$PGDATA
umask 077
mkdir -p "$data"
printf '*:*:*:*:%s\n' "$(cat /run/secrets/postgres/password)" > /tmp/pgpass
export PGPASSFILE=/tmp/pgpass
if [ ! -f "$data/PG_VERSION" ]; then
  until pg_basebackup --host=postgres --username=postgres --pgdata="$data" --wal-method=stream --checkpoint=fast; do
    find "$data" -mindepth 1 -delete
    sleep 3
  done
  touch "$data/standby.signal"
fi
# It copies the primary's settings too; once it leads it has no standby to wait for.
exec postgres -D "$data" -c hot_standby=on -c max_connections=300 -c shared_preload_libraries=pg_stat_statements \
  -c synchronous_standby_names= \
  -c "primary_conninfo=host=postgres user=postgres application_name=standby passfile=/tmp/pgpass"
