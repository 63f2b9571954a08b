"""Compose and Swarm give each service its own certificate of the mesh, where its settings look for it."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import yaml
from shodhana.stack.places import PROJECT

sys.path.insert(0, str(PROJECT / "tools"))
MESH = "/etc/shodhana/mesh"
FILES = ("ca.crt", "tls.crt", "tls.key")
CERTIFIED = ("embedding", "similarity", "quality", "review", "transcripts", "identity", "worker", "gateway")


def services(file: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((PROJECT / "deploy" / file).read_text())["services"]
    return found


def test_every_certificate_that_is_made_is_asked_for_here() -> None:
    import deployment_secrets as tool

    assert set(tool.CERTIFIED) == set(CERTIFIED)


@pytest.mark.parametrize("name", CERTIFIED)
def test_compose_mounts_the_folder_of_a_service(name: str) -> None:
    volumes = [volume for volume in services("compose/core.yaml")[name]["volumes"] if MESH in volume]
    assert volumes == [f"${{SECRETS:-../secrets}}/mesh/{name}:{MESH}:ro"]


@pytest.mark.parametrize("name", CERTIFIED)
def test_swarm_gives_the_three_files_of_a_service(name: str) -> None:
    secrets = {secret["target"]: secret["source"] for secret in services("swarm/stack.yaml")[name]["secrets"]}
    found = {target: source for target, source in secrets.items() if target.startswith(MESH)}
    assert found == {f"{MESH}/{file}": f"mesh_{name}_{file}" for file in FILES}


@pytest.mark.parametrize("file", ["compose/core.yaml", "swarm/stack.yaml"])
@pytest.mark.parametrize("name", [name for name in CERTIFIED if name != "gateway"])
def test_a_service_looks_where_its_certificate_is(file: str, name: str) -> None:
    assert services(file)[name]["environment"]["MESH_TLS_PATH"] == MESH
