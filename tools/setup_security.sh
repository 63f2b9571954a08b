#!/bin/sh
# Makes .venv-security, with what lists the project's parts and fuzzes its parsers, hash-locked. Quick where nothing has
# changed.
set -eu
cd "$(dirname "$0")/.."
venv=.venv-security lock=requirements/security.txt
wanted=$(cat "$lock" "$0" | cksum)
if [ -f "$venv/.set-up" ] && [ "$(cat "$venv/.set-up")" = "$wanted" ]; then
  exit
fi
echo "setup: $venv"
rm -rf "$venv"
.venv/bin/python -m venv --without-pip "$venv"
.venv/bin/uv pip install --quiet --python "$venv/bin/python" --require-hashes -r "$lock"
echo "$wanted" > "$venv/.set-up"
