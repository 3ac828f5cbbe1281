#!/bin/bash
# Run once, by the entrypoint of the postgres image, when a database is made: the role `kadr`, which owns the database `kadr`
# and nothing else, with POSTGRES_PASSWORD. The superuser is left without a password: it signs in inside the container only,
#   docker compose --env-file deploy/.env exec postgres psql --username postgres kadr
set -e
psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv password POSTGRES_PASSWORD
CREATE ROLE kadr LOGIN PASSWORD :'password';
CREATE DATABASE kadr OWNER kadr;
REVOKE ALL ON DATABASE kadr FROM PUBLIC;
ALTER ROLE CURRENT_USER PASSWORD NULL;
SQL
