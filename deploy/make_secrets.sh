#!/bin/sh
# Makes the secrets that docker-compose.yml hands to its services, each in a file of its own:
#   sh deploy/make_secrets.sh [FOLDER]   (once; run again, it makes what is missing and changes nothing)
# A secret that deploy/.env has, as earlier releases kept it, is taken over. Files, because `docker inspect` shows variables.
# The folder is for its owner alone; the files in it may be read by all, because services run as users of their own.
set -eu
case ${1:-} in
"" | /*) folder=${1:-secrets} ;;
*) folder=$PWD/$1 ;;
esac
cd "$(dirname "$0")"
mkdir -p "$folder"
chmod 700 "$folder"

command -v openssl >/dev/null || { echo "make_secrets.sh: openssl is not installed" >&2; exit 1; }

before() { # NAME: what deploy/.env has, without the quotes that compose takes off, too
    [ ! -f .env ] || sed -n "s/^$1=//p" .env | tail -n 1 | sed "s/^\"\(.*\)\"\$/\1/; s/^'\(.*\)'\$/\1/"
}
make() { # VARIABLE VALUE: the file is named like the variable, in small letters
    file=$folder/$(printf %s "$1" | tr '[:upper:]' '[:lower:]')
    [ -f "$file" ] && return
    value=$(before "$1")
    printf '%s\n' "${value:-$2}" >"$file.new"
    chmod 444 "$file.new"
    mv "$file.new" "$file" # whole, or not at all
}
random() { openssl rand -hex "$1"; }

make POSTGRES_PASSWORD "$(random 24)"
make VALKEY_PASSWORD "$(random 24)"
make KADR_DATABASE_URL "postgresql://kadr:$(cat "$folder/postgres_password")@postgres:5432/kadr"
make KADR_REDIS_URL "redis://:$(cat "$folder/valkey_password")@valkey:6379/0"
make KADR_S3_ACCESS_KEY "$(random 10)"
make KADR_S3_SECRET_KEY "$(random 24)"
# "name:hex", several separated by commas; the first signs, all verify.
make KADR_PLAYBACK_KEYS "k1:$(random 32)"
make KADR_DELIVERY_KEYS "k1:$(random 32)"
# Wraps the keys of encrypted titles: without them those can never be played again.
make KADR_CONTENT_KEYS "k1:$(random 32)"
# Wraps the secrets that sign webhooks.
make KADR_WEBHOOK_KEYS "k1:$(random 32)"
# The first API key; `migrate` registers it, and no other program has it.
make KADR_BOOTSTRAP_API_KEY "live.$(random 24)"
# Grafana, of the profile `observability`: the password of its user `admin`.
make GRAFANA_PASSWORD "$(random 24)"
# NATS, of the same profile: its one user, as its configuration has it. KADR_NATS_URL is then nats://kadr:PASSWORD@nats:4222
# In quotes, or one of ten is half a number to NATS.
make NATS_USER "user: kadr, password: \"$(random 24)\""
# A streaming standby to read from; what the store shows when it tells of uploads; what CDNs show to read from the origin (name:hex); NATS with its user and
# password. Empty is none.
make KADR_DATABASE_REPLICA_URL ""
make KADR_STORAGE_EVENTS_KEY ""
make KADR_ORIGIN_LOCK_KEYS ""
make KADR_NATS_URL ""
