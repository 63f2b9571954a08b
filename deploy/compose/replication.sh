#!/bin/sh
# Runs when the primary's data folder is made: lets the standby in, with the owner's password, and has commits wait for
# it from the next start on. As an argument of the server the setting would hold up the making of the database itself.
set -eu
echo 'host replication all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
psql --username=postgres --dbname=postgres --command="ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (standby)'"
