#!/bin/sh
# Runs when the primary's data folder is made: lets the standby in, with the owner's password.
set -eu
echo 'host replication all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
