#!/bin/sh
# Installs the OpenID provider of the tests, tests/oidc, on Node. Quick where nothing has changed. Where it cannot be had
# the tests of it skip, and say why.
set -eu
cd "$(dirname "$0")/.."
. tools/node.sh

target=tests/oidc
stamp="$target/node_modules/.set-up"
wanted=$(cat "$target/package-lock.json" "$0" tools/node.sh | cksum)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
  exit 0
fi

ensure_node || {
  echo "setup: no Node; the log-in tests will skip" >&2
  exit 0
}
echo "setup: the OpenID provider of the tests"
install_packages "$target" || {
  echo "setup: npm failed; the log-in tests will skip" >&2
  exit 0
}
printf '%s' "$wanted" > "$stamp"
