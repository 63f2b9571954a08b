#!/bin/sh
# Puts Debian's prometheus, promtool and prometheus-node-exporter into .venv/bin, unpacked and not installed: no root is
# needed, and no daemon starts. Quick where they are there. Where they cannot be had the tests of rules and dashboards
# skip, and say so; under CI=true they fail.
set -eu
cd "$(dirname "$0")/.."

bin=.venv/bin
programs="prometheus promtool prometheus-node-exporter"

has_all() {
  for name in $programs; do
    [ -x "$bin/$name" ] || command -v "$name" > /dev/null || return 1
  done
}

give_up() {
  echo "setup: $1; the tests of rules and dashboards will skip" >&2
  exit 0
}

fetch() {
  apt-get download prometheus prometheus-node-exporter > /dev/null 2>&1
}

has_all && exit 0
for tool in apt-get dpkg-deb; do
  command -v "$tool" > /dev/null || give_up "no Prometheus, and no $tool to fetch it"
done
echo "setup: Prometheus"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
chmod 755 "$scratch"
(cd "$scratch" && { fetch || { apt-get update -qq && fetch; }; }) || give_up "Debian's Prometheus cannot be had"
for package in "$scratch"/*.deb; do
  dpkg-deb -x "$package" "$scratch/files"
done
for name in $programs; do
  install -m 755 "$scratch/files/usr/bin/$name" "$bin/$name"
done
has_all || give_up "Debian's Prometheus lacks a program"
