#!/bin/sh
# What the browser tests need: playwright, and a Chromium, which is installed where this is root on Debian. Quick where
# nothing has changed. Where it cannot be had those tests skip, and say why.
set -eu
cd "$(dirname "$0")/.."

stamp=.venv/.set-up-browser
wanted=$(cat requirements/browser.txt "$0" | cksum)
if ! { [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; }; then
  echo "setup: playwright"
  .venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes -r requirements/browser.txt || {
    echo "setup: playwright cannot be had; the browser tests will skip" >&2
    exit 0
  }
  printf '%s' "$wanted" > "$stamp"
fi

has_browser() { [ -n "${CHROMIUM:-}" ] || command -v chromium > /dev/null || command -v google-chrome > /dev/null; }

has_browser && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
  echo "setup: Chromium"
  { apt-get -qq update && apt-get -qq install --no-install-recommends --yes chromium; } > /dev/null 2>&1 || true
fi
has_browser || echo "setup: no Chromium (CHROMIUM names one elsewhere); the browser tests will skip" >&2
