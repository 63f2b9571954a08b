#!/bin/sh
# Everything that is checked without running the mesh; all checks run, the failed ones are named at the end.
cd "$(dirname "$0")/.."
failed=
check() {
  echo "== $*"
  "$@" || failed="$failed
  $*"
}

check ruff format --check .
check ruff check .
check mypy
check lint-imports
check python tools/generate.py --lint
check python tools/generate.py --breaking
check python tools/generate.py --check
check python tools/check_glossary.py
check python tools/grafana_dashboards.py --check
check npm --prefix clients/dashboard run --silent check
check npm --prefix clients/dashboard run --silent size

[ -z "$failed" ] || {
  echo "failed:$failed"
  exit 1
}
