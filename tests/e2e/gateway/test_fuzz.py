"""REST of a whole mesh under generated requests."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

PROGRAMS = Path(sys.executable).parent
START_S = 180
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
STREAMS = ":watch$|:export$"


@dataclass(frozen=True, slots=True)
class Mesh:
    """Where a running mesh answers, and who trusts it."""

    url: str
    authority: str
    token: str


@pytest.fixture(scope="module")
def mesh() -> Iterator[Mesh]:
    with tempfile.TemporaryDirectory(prefix="shodhana-e2e-") as name:
        Path(name).chmod(0o755)  # Postgres runs as another user
        directory = Path(name) / "mesh"
        shodhana(["up", "--dir", str(directory), "--detach"])
        try:
            yield found(json.loads((directory / "client.json").read_text()))
        finally:
            shodhana(["down", "--dir", str(directory)])


def shodhana(arguments: list[str]) -> None:
    ran = subprocess.run(
        [str(PROGRAMS / "shodhana"), *arguments], capture_output=True, text=True, timeout=START_S, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def found(client: dict[str, str]) -> Mesh:
    credentials = {"clientId": client["client_id"], "clientSecret": client["client_secret"]}
    trust = ssl.create_default_context(cafile=client["ca_certificate"])
    answer = httpx.post(f"{client['rest_url']}/v1/tokens:issue", json=credentials, verify=trust, timeout=30)
    return Mesh(client["rest_url"], client["ca_certificate"], answer.raise_for_status().json()["accessToken"])


def test_generated_requests_meet_no_server_error_and_answers_keep_to_the_document(mesh: Mesh) -> None:
    command = [str(PROGRAMS / "schemathesis"), "run", f"{mesh.url}/openapi.json", "--no-color", "--seed", "1"]
    command += ["--header", f"authorization: Bearer {mesh.token}", "--tls-verify", mesh.authority]
    command += ["--phases", "coverage,fuzzing", "--max-examples", "25", "--checks", CHECKS]
    command += ["--exclude-path-regex", STREAMS]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert ran.returncode == 0, ran.stdout[-6000:]
    assert "Tested: 0" not in ran.stdout
