#!/bin/sh
# Puts Debian's programs of Prometheus, its node exporter and Alertmanager into .venv/bin, unpacked and not installed: no
# root is needed, and no daemon starts. Quick where they are there. Where they cannot be had the tests of rules and
# dashboards skip, and say so; under CI=true they fail. Debian's Alertmanager reads its templates from /usr/share alone:
# they are put there by who may write there.
set -eu
cd "$(dirname "$0")/.."

bin=.venv/bin
packages="prometheus prometheus-node-exporter prometheus-alertmanager"
programs="prometheus promtool prometheus-node-exporter prometheus-alertmanager amtool"
templates=/usr/share/prometheus/alertmanager

has_all() {
  for name in $programs; do
    [ -x "$bin/$name" ] || command -v "$name" > /dev/null || return 1
  done
  [ -d "$templates" ] || ! [ -w /usr/share ]
}

give_up() {
  echo "setup: $1; the tests of rules and dashboards will skip" >&2
  exit 0
}

fetch() {
  # shellcheck disable=SC2086 # words
  apt-get download $packages > /dev/null 2>&1
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
if [ -w /usr/share ]; then
  mkdir -p "$templates"
  cp "$scratch/files$templates"/*.tmpl "$templates"
fi
has_all || give_up "Debian's Prometheus lacks a program"
