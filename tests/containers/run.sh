#!/bin/bash
# The container files as they are, in a real engine: builds deploy/Dockerfile, runs docker-compose.yml, checks what comes.
#   tests/containers/run.sh CLIP [FOLDER]        (make containers CLIP=clip.mp4)
# Needs root, dockerd, debootstrap, and x86_64. No image registry is used: base images are made by base_images.sh. The engine
# is a dockerd of our own (own socket, data and cgroup; no bridge, no firewall rule). FOLDER is kept, so a second run is quick.
# CERTIFICATES, PACKAGE_SOURCES and DEBIAN_MIRROR are optional inputs: see base_images.sh.
# Exit code: 0 all passed, 1 some failed, 77 skipped by name.
set -u
exec </dev/null # whatever reads, as `compose exec` does, must not stop a run in the background
HERE=$(cd "$(dirname "$0")" && pwd)
TOP=$(cd "$HERE/../.." && pwd)
CLIP=$(realpath "${1:?a clip is needed}")
WORK=${2:-${TMPDIR:-/var/tmp}/kadr-containers}
PASSED=0 FAILED=0

say() { printf '%4d s  %s\n' "$SECONDS" "$*"; }
skip() { say "skipped: $*"; exit 77; }
check() { # NAME COMMAND...: counts; shows the last lines of what failed
    local name=$1; shift
    if "$@" >"$WORK/check.log" 2>&1; then PASSED=$((PASSED + 1)); say "ok      $name"
    else FAILED=$((FAILED + 1)); say "FAILED  $name"; tail -n 3 "$WORK/check.log" | cut -c1-300 | sed 's/^/          /'; fi
}
finish() { say "$PASSED passed, $FAILED failed"; [ "$FAILED" = 0 ]; exit; }

[ "$(id -u)" = 0 ] || skip "not root"
[ "$(uname -m)" = x86_64 ] || skip "the servers' wheels are for x86_64"
for program in dockerd docker debootstrap openssl curl; do
    command -v "$program" >/dev/null || skip "no container engine: $program is not installed"
done
ss -ltnH '( sport = :8080 or sport = :8081 or sport = :7070 )' | grep -q . && skip "port 8080, 8081 or 7070 is taken"
mkdir -p "$WORK/config/cli-plugins"
export DOCKER_HOST="unix://$WORK/docker.sock" DOCKER_CONFIG="$WORK/config"

# Debian's client builds by itself; a newer one needs a plugin for that.
CLIENT=/usr/bin/docker; [ -x "$CLIENT" ] || CLIENT=$(command -v docker)
docker() { "$CLIENT" "$@"; }

engine_up() {
    dockerd --host "$DOCKER_HOST" --data-root "$WORK/data" --exec-root "$WORK/exec" --pidfile "$WORK/docker.pid" \
        --storage-driver overlay2 --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false --bridge=none \
        --cgroup-parent=/kadr-containers >>"$WORK/dockerd.log" 2>&1 &
    for _ in $(seq 60); do docker info >/dev/null 2>&1 && return; sleep 1; done
    return 1
}
engine_down() {
    [ -f "$WORK/docker.pid" ] || return 0
    local pid; pid=$(cat "$WORK/docker.pid")
    kill "$pid" 2>/dev/null
    for _ in $(seq 60); do kill -0 "$pid" 2>/dev/null || return 0; sleep 1; done
}
trap engine_down EXIT
engine_up || skip "dockerd does not start: $(tail -n 1 "$WORK/dockerd.log" | cut -c1-200)"
. "$HERE/base_images.sh"

# --- what an operator does: make the secrets, look through .env, build, start
cd "$TOP" || exit 1
ENV_FILE="$WORK/kadr.env" SECRETS="$WORK/secrets"
sh deploy/make_secrets.sh "$SECRETS" || exit 1
sed -e "s|^SECRETS_FOLDER=.*|&$SECRETS|; s/^WORKER_MEMORY=.*/&4g/" deploy/.env.example >"$ENV_FILE"
KEY=$(cat "$SECRETS/kadr_bootstrap_api_key")
compose() { docker compose --env-file "$ENV_FILE" --progress plain "$@"; }
IMAGE=$(compose config --images 2>/dev/null | grep '^kadr:' | head -n 1)
build() { DOCKER_BUILDKIT=1 docker build --network=host -f deploy/Dockerfile -t "$IMAGE" .; }
check "the image builds" build
[ "$FAILED" = 0 ] || finish

kadr() { # a command of Kadr in a container without any privilege
    docker run --rm --network host --read-only --cap-drop ALL --security-opt no-new-privileges:true --tmpfs /tmp \
        -e KADR_API_URL=http://127.0.0.1:8080 -e "KADR_API_KEY=$KEY" -v "$(dirname "$CLIP"):/clips:ro" "$IMAGE" "$@"
}
healthy() { # COUNT
    for _ in $(seq 90); do
        [ "$(compose ps --format '{{.Health}}' | grep -c '^healthy$')" -ge "$1" ] && return
        sleep 2
    done
    compose ps -a; compose logs --tail 5; return 1
}
upload() { kadr ingest "/clips/$(basename "$CLIP")" --wait --json >"$WORK/asset.json" && [ "$(asset status)" = ready ]; }
asset() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$WORK/asset.json" "$1"; }
plays() { curl -fsS -o /dev/null "$(asset playback_url)"; }

check "compose starts everything" compose up --detach
check "all nine containers are healthy" healthy 9
layers() { compose logs --no-color worker | grep '"worker.started"' | grep -c 'landlock.*no_new_privs.*rlimits.*seccomp' | grep -qx '[2-9]'; }
check "both workers have every required layer of the sandbox" layers
check "an upload becomes ready" upload
check "kadr check finds no fault" kadr check "$(asset playback_url)"
check "the origin enforces a viewer's most sessions, for which it needs Redis" \
    python3 "$HERE/sessions.py" "$KEY" "$(asset id)"
no_secrets() { # nor a variable with one: every secret is looked for in what the engine knows of every container
    local secret
    docker inspect $(compose ps -aq) >"$WORK/inspected.json" || return 1
    for secret in "$SECRETS"/*; do
        [ ! -s "$secret" ] || [ -z "$(cat "$secret")" ] || ! grep -qF -f "$secret" "$WORK/inspected.json" ||
            { echo "$secret is in docker inspect"; return 1; }
    done
}
check "docker inspect shows no secret" no_secrets
superuser() { compose exec -T postgres psql --username postgres --tuples-only --no-align --command "$1" postgres; }
role() { [ "$(superuser "SELECT rolsuper OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = 'kadr'")" = f ]; }
check "Kadr is no superuser of PostgreSQL" role
knows() { # SERVICE NAME: whether the service can find another one by its name
    compose exec -T "$1" python -c 'import socket, sys; socket.gethostbyname(sys.argv[1])' "$2"
}
apart() { knows dispatcher postgres && ! knows dispatcher s3 && ! knows dispatcher valkey; }
check "services know those only that they need" apart
layers_of_image() { # of the last stage: packages, and code that is a fiftieth of them at most
    docker history --format '{{.Size}} {{.CreatedBy}}' --no-trunc --human=false "$IMAGE" |
        awk '/COPY \/opt\/code/ {code = $1} /COPY \/opt\/kadr/ {packages = $1} END {print packages, code; exit !(code && code * 50 < packages)}'
}
check "a release is a small layer on the packages" layers_of_image
up_to_date() { compose run --rm --no-deps -T migrate migrate --check; }
check "kadr migrate --check ends with 0" up_to_date
bill() { compose run --rm --no-deps -T migrate cost --scenario 1m-mau | grep 'below \$5,000'; }
check "kadr cost answers in the image" bill
limits() {
    local container
    for container in $(compose ps -q); do
        docker inspect -f '{{.HostConfig.PidsLimit}}' "$container" | grep -qE '^[1-9]' || return 1
    done
}
check "no container may start processes without end" limits
most_memory() { docker inspect -f '{{.HostConfig.Memory}}' $(compose ps -q "$1") | sort -u; }
memory_limits() { [ "$(most_memory worker)" = $((4 << 30)) ] && [ "$(most_memory api)" = 0 ]; }
check "workers have the memory limit that the operator set, the API none" memory_limits
memory() {
    docker run --rm -m 1g --network none --entrypoint python "$IMAGE" -c \
        'from workers.engine.memory_budget import half_of_memory as half; n = half(); print(n); raise SystemExit(n > 2**30)'
}
check "a worker's memory budget is that of its container" memory

# --- growth, crashes, a reboot
SCALE=(--scale worker=4 --scale api=2 --scale origin=2)
check "four workers, two APIs and two origins" compose up --detach --no-recreate "${SCALE[@]}"
check "thirteen containers are healthy" healthy 13
release() { # every API and origin is replaced while they are asked and while an upload is under way
    local asking uploading answer
    : >"$WORK/refused.log"
    while :; do
        for answer in 8080/health/live 8081/health/live; do
            curl -fsS -o /dev/null --max-time 90 "http://127.0.0.1:$answer" 2>>"$WORK/refused.log" || echo "$answer" >>"$WORK/refused.log"
        done
        sleep 0.1
    done &
    asking=$!
    (upload) &
    uploading=$!
    compose up --detach --no-deps --force-recreate --scale api=2 --scale origin=2 api origin && healthy 13
    local replaced=$?
    wait "$uploading"; local uploaded=$?
    kill "$asking"; wait "$asking" 2>/dev/null
    cat "$WORK/refused.log"
    [ "$replaced" = 0 ] && [ "$uploaded" = 0 ] && [ ! -s "$WORK/refused.log" ]
}
check "a release of API and origin loses no request and no upload" release
crash() {
    local service
    for service in worker postgres valkey api origin dispatcher proxy; do
        kill -9 "$(docker inspect -f '{{.State.Pid}}' "$(compose ps -q "$service" | head -n 1)")" || return 1
        sleep 2
    done
    healthy 13
}
check "a worker, PostgreSQL, Valkey, API, origin, dispatcher and proxy killed: all come back" crash
check "an upload becomes ready after that" upload
reboot() { engine_down; engine_up && healthy 13; }
check "the engine stopped and started: all come back" reboot
check "what was published plays" plays
check "compose stops everything" compose down
nameless() { local left; left=$(docker volume ls -q | grep -vc '^kadr_'); echo "$left nameless volumes"; [ "$left" = 0 ]; }
check "no nameless volume is left" nameless
finish
