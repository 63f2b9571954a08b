#!/bin/sh
# Gives Swarm the secrets of a folder that tools/deployment_secrets.py made: deploy/swarm/create_secrets.sh deploy/secrets
# A secret of Swarm never changes: to replace them, run it with the next SECRETS_VERSION and deploy with the same.
set -eu
folder=${1:?usage: create_secrets.sh FOLDER}
version=${SECRETS_VERSION:-1}

for path in "$folder"/*/*; do
  service=$(basename "$(dirname "$path")")
  file=$(basename "$path")
  case "$service/$file" in
    mesh/authority) continue ;;
    mesh/*)
      for part in ca.crt tls.crt tls.key; do
        docker secret create "shodhana_mesh_${file}_${part}_$version" "$path/$part"
      done
      ;;
    source/* | grafana/* | keda/*) continue ;;
    jwks/*) docker config create "shodhana_jwks_$version" "$path" ;;
    *) docker secret create "shodhana_${service}_${file}_$version" "$path" ;;
  esac
done
