#!/bin/sh
# Checks everything under deploy/ with the tools that will read it: `make check-deploy`, or some checks by name:
#   tools/check_deploy.sh compose manifests
# All of them run; what failed is named at the end. A check whose tool is missing is skipped, and says so; with CI=true it
# fails. DEPLOY: another folder to check in place of deploy/.
set -u
cd "$(dirname "$0")/.." || exit
deploy=${DEPLOY:-deploy}
venv=.venv-deploy/bin
kubernetes=${KUBERNETES_VERSION:-1.31}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed='' skipped=''

all="compose stack manifests policies checkov hadolint shellcheck envoy rules testssl backup"

has() {
  command -v "$1" > /dev/null 2>&1
}

skip() {
  skipped="$skipped
  $check: $1"
  [ "${CI:-}" != true ] || return 1
}

is_set_up() {
  [ -x "$venv/kubernetes-validate" ] || { skip "tools/setup_deploy.sh has not been run"; return 1; }
}

# The layers in which Compose is used, each with the ones it stands on.
check_compose() {
  if docker compose version > /dev/null 2>&1; then
    compose="docker compose"
  elif has docker-compose; then
    compose=docker-compose
  else
    skip "neither docker compose nor docker-compose is installed"
    return
  fi
  set --
  bad=0
  for layers in core core,observability core,high_availability core,local_access core,observability,high_availability,local_access; do
    files=$(echo "$layers" | sed "s#[^,]*#-f $deploy/compose/&.yaml#g; s#,# #g")
    # shellcheck disable=SC2086
    $compose $files config --quiet || { echo "compose: $layers" && bad=1; }
  done
  return $bad
}

check_stack() {
  has docker || { skip "docker is not installed"; return; }
  docker stack config --compose-file "$deploy/swarm/stack.yaml" > /dev/null &&
    docker stack config --compose-file "$deploy/swarm/stack.yaml" --compose-file "$deploy/swarm/alerts.yaml" > /dev/null
}

build() {
  has kubectl || { skip "kubectl is not installed"; return 2; }
  for overlay in dev prod; do
    kubectl kustomize "$deploy/kubernetes/overlays/$overlay" > "$scratch/$overlay.yaml" || return 1
  done
}

# Kinds of operators (CloudNativePG, KEDA, cert-manager) have no schema here and are named as such.
check_manifests() {
  is_set_up || return 0
  build || { [ $? -eq 2 ]; return; }
  "$venv/kubernetes-validate" --strict --quiet --kubernetes-version "$kubernetes" "$scratch/dev.yaml" "$scratch/prod.yaml" \
    > "$scratch/validated" 2>&1
  verdict=$?
  grep -v "Couldn't find schema" "$scratch/validated"
  kinds=$(sed -n "s/.*Couldn't find schema for kind \([A-Za-z]*\).*/\1/p" "$scratch/validated" | sort -u | tr '\n' ' ')
  [ -z "$kinds" ] || echo "not held to a schema (operators' own kinds): $kinds"
  unknown=$(for kind in $kinds; do
    case $kind in Cluster | ScheduledBackup | ObjectStore | ScaledObject | TriggerAuthentication | Certificate | Issuer) ;; *) echo "$kind" ;; esac
  done)
  [ -z "$unknown" ] || { echo "unknown kinds: $unknown"; return 1; }
  return $verdict
}

check_policies() {
  build || { [ $? -eq 2 ]; return; }
  .venv/bin/python tools/manifest_rules.py < "$scratch/prod.yaml" &&
    .venv/bin/python tools/manifest_rules.py --small < "$scratch/dev.yaml"
}

check_checkov() {
  [ -x .venv-checkov/bin/checkov ] || { skip "checkov could not be installed"; return; }
  build || { [ $? -eq 2 ]; return; }
  mkdir -p "$scratch/checkov"
  cp "$scratch/prod.yaml" "$scratch/checkov/"
  cp "$deploy"/docker/Dockerfile* "$scratch/checkov/"
  .venv-checkov/bin/checkov --config-file "$deploy/checkov.yaml" --directory "$scratch/checkov"
}

check_hadolint() {
  is_set_up || return 0
  "$venv/hadolint" "$deploy"/docker/Dockerfile*
}

check_shellcheck() {
  is_set_up || return 0
  # shellcheck disable=SC2046
  "$venv/shellcheck" --severity=style $(find "$deploy" tools/*deploy* tools/image.sh -name '*.sh')
}

# The gateway's configuration of each place, on files laid out as in its container.
render() {
  "$PWD/.venv/bin/python" tools/deployment_secrets.py "$scratch/secrets" 2> /dev/null &&
    mkdir -p "$scratch/etc" && cp -r "$scratch/secrets/tls" "$scratch/secrets/jwks" gateway "$scratch/etc/" &&
    cp -rT "$scratch/secrets/mesh/gateway" "$scratch/etc/mesh" || return 1
  [ ! -d clients/dashboard/dist ] || cp -r clients/dashboard/dist "$scratch/etc/gateway/dashboard"
  .venv/bin/python -m shodhana.stack.gateway "$@" --secrets "$scratch/discovered" |
    sed "s#/etc/shodhana#$scratch/etc#g" > "$scratch/envoy.yaml"
  sed -i "s#/etc/shodhana#$scratch/etc#g" "$scratch"/discovered/*.yaml
}

envoy() {
  "$(.venv/bin/python -c 'import envoy, pathlib; print(pathlib.Path(envoy.__file__).parent / "_bin" / "envoy")')" "$@"
}

check_envoy() {
  for place in compose "compose --otlp jaeger:4317" kubernetes "kubernetes --otlp jaeger:4317"; do
    # shellcheck disable=SC2086
    render $place || return 1
    [ -z "${GATEWAY_MISTAKE:-}" ] || sed -i "$GATEWAY_MISTAKE" "$scratch/envoy.yaml"
    envoy --mode validate --log-level error -c "$scratch/envoy.yaml" > "$scratch/said" 2>&1 ||
      { echo "envoy: $place" && cat "$scratch/said" && return 1; }
  done
}

check_rules() {
  promtool=$PWD/.venv/bin/promtool
  [ -x "$promtool" ] || promtool=promtool
  has "$promtool" || { skip "promtool is not installed (Debian: prometheus)"; return; }
  "$promtool" check rules "$deploy"/prometheus/rules/*.yml > "$scratch/said" 2>&1 || { cat "$scratch/said"; return 1; }
  for test in "$deploy"/prometheus/tests/*_test.yml; do
    (cd "$(dirname "$test")" && "$promtool" test rules "$(basename "$test")") > "$scratch/said" 2>&1 ||
      { cat "$scratch/said"; return 1; }
  done
}

# Asks a gateway that runs, as the world will meet it.
check_testssl() {
  has testssl || { skip "testssl is not installed (Debian: testssl.sh)"; return; }
  render compose || return 1
  port=$(.venv/bin/python -c 'from shodhana.stack.ports import free_port; print(free_port())')
  metrics=$(.venv/bin/python -c 'from shodhana.stack.ports import free_port; print(free_port())')
  admin=$(.venv/bin/python -c 'from shodhana.stack.ports import free_port; print(free_port())')
  sed -i "s/port_value: 8443/port_value: $port/; s/port_value: 9902/port_value: $metrics/; s/port_value: 9901/port_value: $admin/" \
    "$scratch/envoy.yaml"
  [ -z "${GATEWAY_MISTAKE:-}" ] || sed -i "$GATEWAY_MISTAKE" "$scratch/envoy.yaml"
  # The program itself: what the package calls `envoy` starts it and would leave it behind.
  program=$(.venv/bin/python -c 'import envoy, pathlib; print(pathlib.Path(envoy.__file__).parent / "_bin" / "envoy")')
  "$program" --disable-hot-restart --log-level critical -c "$scratch/envoy.yaml" > /dev/null 2>&1 &
  started=$!
  .venv/bin/python - "$port" << 'PYTHON'
import socket, sys, time
ends_at = time.monotonic() + 30
while socket.socket().connect_ex(("127.0.0.1", int(sys.argv[1]))) and time.monotonic() < ends_at:
    time.sleep(0.1)
PYTHON
  # Protocols, forward secrecy, the server's defaults and the known weaknesses; grades need the world's authorities.
  testssl --quiet --warnings batch --color 0 --ip one --protocols --fs --std --vulnerable \
    --jsonfile "$scratch/testssl.json" "127.0.0.1:$port" > "$scratch/testssl.txt" 2>&1
  kill $started
  wait $started 2> /dev/null
  .venv/bin/python - "$scratch/testssl.json" << 'PYTHON'
import json, sys
found = json.load(open(sys.argv[1]))
bad = [one for one in found if one["severity"] in ("LOW", "MEDIUM", "HIGH", "CRITICAL", "WARN", "FATAL")]
for one in bad:
    print("testssl:", one["severity"], one["id"], one["finding"])
if not any(one["id"] == "TLS1_3" for one in found):
    sys.exit("testssl: the gateway was not reached")
sys.exit(1 if bad else 0)
PYTHON
}

# A backup that is made, damaged and restored: pg_restore and redis-check-rdb read it.
check_backup() {
  .venv/bin/python -m pytest -q tests/integration/backup
}

# shellcheck disable=SC2086
[ $# -gt 0 ] || set -- $all
for check in "$@"; do
  case " $all " in *" $check "*) ;; *) echo "no check $check; there are: $all" >&2; exit 2 ;; esac
  echo "== $check"
  "check_$check" || failed="$failed $check"
done

[ -z "$skipped" ] || echo "skipped:$skipped"
[ -z "$failed" ] || { echo "failed:$failed"; exit 1; }
echo "deployment: all that could be checked is well"
