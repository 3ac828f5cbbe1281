#!/bin/bash
# The container files as they are, in a real engine: builds deploy/Dockerfile, runs docker-compose.yml, checks what comes.
#   tests/containers/run.sh CLIP [FOLDER]        (make containers CLIP=clip.mp4)
# Needs root, dockerd, debootstrap, and x86_64. No image registry is used: base images are made by base_images.sh. The engine
# is a dockerd of our own (own socket, data and cgroup; no bridge, no firewall rule). FOLDER is kept, so a second run is quick.
# Exit code: 0 all passed, 1 some failed, 77 skipped by name.
set -u
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

# --- what an operator does: fill in .env, build, start
cd "$TOP" || exit 1
ENV_FILE="$WORK/kadr.env"
filled() {
    local line name
    while IFS= read -r line; do
        name=${line%%=*}
        case $name in
            POSTGRES_PASSWORD | VALKEY_PASSWORD | KADR_S3_SECRET_KEY) line+=$(openssl rand -hex 24) ;;
            KADR_S3_ACCESS_KEY) line+=$(openssl rand -hex 10) ;;
            KADR_PLAYBACK_KEYS | KADR_DELIVERY_KEYS | KADR_CONTENT_KEYS) line+=k1:$(openssl rand -hex 32) ;;
            WORKER_MEMORY) line+=4g ;;
            KADR_BOOTSTRAP_API_KEY) line+=live.$(openssl rand -hex 24) ;;
        esac
        printf '%s\n' "$line"
    done <deploy/.env.example
}
[ -f "$ENV_FILE" ] || (umask 077 && filled >"$ENV_FILE")
KEY=$(sed -n 's/^KADR_BOOTSTRAP_API_KEY=//p' "$ENV_FILE")
compose() { docker compose --env-file "$ENV_FILE" --progress plain "$@"; }
IMAGE=$(compose config --images 2>/dev/null | grep '^kadr:' | head -n 1)
check "the image builds" env DOCKER_BUILDKIT=1 docker build --network=host -f deploy/Dockerfile -t "$IMAGE" .
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
check "all seven containers are healthy" healthy 7
layers() { compose logs --no-color worker | grep '"worker.started"' | grep -c 'landlock.*no_new_privs.*rlimits.*seccomp' | grep -qx '[2-9]'; }
check "both workers have every required layer of the sandbox" layers
check "an upload becomes ready" upload
check "kadr check finds no fault" kadr check "$(asset playback_url)"
check "the origin enforces a viewer's most sessions, for which it needs Redis" \
    python3 "$HERE/sessions.py" "$KEY" "$(asset id)"
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
check "four workers" compose up --detach --no-recreate --scale worker=4
check "nine containers are healthy" healthy 9
crash() {
    local service
    for service in worker postgres valkey api origin; do
        kill -9 "$(docker inspect -f '{{.State.Pid}}' "$(compose ps -q "$service" | head -n 1)")" || return 1
        sleep 2
    done
    healthy 9
}
check "a worker, PostgreSQL, Valkey, API and origin killed: all come back" crash
check "an upload becomes ready after that" upload
reboot() { engine_down; engine_up && healthy 9; }
check "the engine stopped and started: all come back" reboot
check "what was published plays" plays
check "compose stops everything" compose down
nameless() { local left; left=$(docker volume ls -q | grep -vc '^kadr_'); echo "$left nameless volumes"; [ "$left" = 0 ]; }
check "no nameless volume is left" nameless
finish
