#!/bin/sh
# Builds images with podman: `tools/image.sh quality …`, `tools/image.sh all`. Tags localhost/shodhana-<service>:$TAG.
set -eu
cd "$(dirname "$0")/.."
services="embedding similarity quality review transcripts identity migrations gateway"
tag=${TAG:-dev}

if [ $# -eq 0 ]; then
  echo "usage: tools/image.sh SERVICE… | all        services: $services" >&2
  exit 2
fi
# shellcheck disable=SC2086
[ "$1" != all ] || set -- $services
for service in "$@"; do
  case " $services " in
    *" $service "*) ;;
    *) echo "image: no service $service; there are: $services" >&2; exit 2 ;;
  esac
done
sh deploy/docker/base.sh

# The machine's own way to packages, where it has one; neither stays in the image.
set -- "$@" --
[ ! -f /etc/pip.conf ] || set -- "$@" --secret id=pip,src=/etc/pip.conf
[ ! -d /etc/ssl/certs ] || set -- "$@" --volume /etc/ssl/certs:/etc/ssl/certs:ro

names=
while [ "$1" != -- ]; do
  names="$names $1"
  shift
done
shift
for service in $names; do
  file=deploy/docker/Dockerfile
  [ "$service" != gateway ] || file=deploy/docker/Dockerfile.gateway
  if [ "$service" = gateway ] && [ ! -f clients/dashboard/dist/index.html ]; then
    tools/setup_dashboard.sh
  fi
  echo "image: localhost/shodhana-$service:$tag"
  podman build --quiet --format docker --isolation "${BUILDAH_ISOLATION:-chroot}" --file "$file" --build-arg SERVICE="$service" \
    --build-arg BUILD_BASE=localhost/shodhana-build:bookworm "$@" --tag "localhost/shodhana-$service:$tag" . > /dev/null
  podman image inspect --format '{{.Size}}' "localhost/shodhana-$service:$tag" |
    awk '{ printf "image: %.0f MB\n", $1 / 1e6 }'
done
