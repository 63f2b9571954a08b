#!/bin/sh
# Makes .venv-deploy and .venv-checkov, with what `make check-deploy` checks with, hash-locked. Quick where nothing has
# changed. What is no Python package (kubectl, docker, promtool, testssl) the machine has, or its check is skipped.
set -eu
cd "$(dirname "$0")/.."

make_venv() {
  venv=$1 lock=$2
  wanted=$(cat "$lock" "$0" | cksum)
  if [ -f "$venv/.set-up" ] && [ "$(cat "$venv/.set-up")" = "$wanted" ]; then
    return
  fi
  echo "setup: $venv"
  rm -rf "$venv"
  .venv/bin/python -m venv --without-pip "$venv"
  .venv/bin/uv pip install --quiet --python "$venv/bin/python" --require-hashes -r "$lock"
  echo "$wanted" > "$venv/.set-up"
}

tools/setup.sh stack
make_venv .venv-deploy requirements/deploy.txt
make_venv .venv-checkov requirements/checkov.txt || {
  rm -rf .venv-checkov
  echo "setup: checkov cannot be installed here" >&2
}
