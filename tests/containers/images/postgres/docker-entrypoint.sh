#!/bin/bash
# What our compose file uses of the official entrypoint: POSTGRES_PASSWORD_FILE, POSTGRES_INITDB_ARGS and the programs of
# /docker-entrypoint-initdb.d, once, with the superuser `postgres`.
set -e
export POSTGRES_USER=postgres POSTGRES_PASSWORD
POSTGRES_PASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
unset POSTGRES_PASSWORD_FILE
chmod 700 "$PGDATA"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    eval "initdb --username=\"$POSTGRES_USER\" --pwfile=<(printf '%s\n' \"\$POSTGRES_PASSWORD\") $POSTGRES_INITDB_ARGS"
    printf '\nhost all all all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"
    pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -c unix_socket_directories=/var/run/postgresql" -w start
    for file in /docker-entrypoint-initdb.d/*; do
        if [ -x "$file" ]; then PGHOST=/var/run/postgresql "$file"; else echo "ignoring $file"; fi
    done
    pg_ctl -D "$PGDATA" -m fast -w stop
fi
unset POSTGRES_PASSWORD
exec "$@"
