#!/bin/sh
# Builds the dashboard, clients/dashboard/dist: `tools/setup_dashboard.sh dev` installs what checking it needs too. Quick
# where nothing has changed. Without Node the mesh runs without a dashboard, and says so.
set -eu
cd "$(dirname "$0")/.."
. tools/node.sh

target=clients/dashboard
packages="$target/node_modules/.set-up"
built="$target/dist/.built"
omitted=--omit=dev
[ "${1:-}" != dev ] || omitted=--include=dev

fingerprint() {
  find "$target/src" "$target/tools" -type f ! -path "*/gen/*" -exec cksum {} + | LC_ALL=C sort
  cksum "$target/package-lock.json" gateway/descriptors.binpb "$0" tools/node.sh
}

is_installed() {
  wanted=$(cksum < "$target/package-lock.json")
  [ -f "$packages" ] || return 1
  case $(cat "$packages") in "$wanted --include=dev" | "$wanted $omitted") ;; *) return 1 ;; esac
}

give_up() {
  echo "setup: $1; there will be no dashboard" >&2
  exit 0
}

if is_installed && [ -f "$built" ] && [ "$(cat "$built")" = "$(fingerprint | cksum)" ]; then
  exit 0
fi
ensure_node || give_up "no Node"
if ! is_installed; then
  echo "setup: packages of the dashboard"
  install_packages "$target" "$omitted" || give_up "npm failed"
  printf '%s' "$wanted $omitted" > "$packages"
fi
echo "setup: the dashboard"
node "$target/tools/build.mjs"
fingerprint | cksum > "$built"
