"""The audit log of a whole mesh: what is done through the gateway is in it, sealed, and holds."""

from __future__ import annotations

import json
import uuid
from typing import Any

from tests.conftest import wait_until


def entries(mesh: Any, *words: str) -> list[dict[str, Any]]:
    printed = mesh.tool("audit", "list", "--dir", mesh.directory, "--json", "--limit", "100000", *words).stdout
    return [json.loads(line) for line in printed.splitlines()]


def test_what_is_done_through_the_gateway_is_in_the_log_and_the_chain_holds(mesh: Any) -> None:
    email = f"{uuid.uuid4().hex}@example.org"
    with mesh.rest() as client:
        added = client.post("/v1/users", json={"email": email, "roles": ["viewer"]})
        assert added.status_code == 200, added.text
        name = added.json()["name"]
        granted = client.post(f"/v1/{name}:grantRole", json={"role": "expert_linguist"})
        assert granted.status_code == 200, granted.text

    def is_told() -> bool:
        return sum(entry["subject"] == name for entry in entries(mesh, "--action", "users")) == 2

    wait_until(is_told)
    _, change = [entry for entry in entries(mesh, "--action", "users") if entry["subject"] == name]
    assert change["actor"] == "serviceAccounts/local-admin"
    assert change["details"]["after"]["roles"] == ["expert_linguist", "viewer"]
    verified = json.loads(mesh.tool("audit", "verify", "--dir", mesh.directory, "--json").stdout)
    assert verified["fault"] == ""
    assert verified["head"]["sequence"] >= change["sequence"]


def test_the_lexicon_that_the_mesh_began_with_is_in_the_log(mesh: Any) -> None:
    wait_until(lambda: bool(entries(mesh, "--action", "lexiconVersions.changed")))
    activated = entries(mesh, "--action", "lexiconVersions.changed")[0]
    assert activated["role"] == "shodhana_similarity"
    assert activated["details"]["after"]["active"] is True
