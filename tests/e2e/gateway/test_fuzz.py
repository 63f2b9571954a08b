"""REST of a whole mesh under generated requests."""

from __future__ import annotations

import re
import ssl
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from conftest import Mesh

SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
STREAMS = ":watch$|:export$"


def token_of(mesh: Mesh) -> str:
    profile = mesh.profile
    credentials = {"clientId": profile["client_id"], "clientSecret": profile["client_secret"]}
    trust = ssl.create_default_context(cafile=profile["ca_certificate"])
    answer = httpx.post(f"{profile['rest_url']}/v1/tokens:issue", json=credentials, verify=trust, timeout=30)
    token: str = answer.raise_for_status().json()["accessToken"]
    return token


def test_generated_requests_meet_no_server_error_and_answers_keep_to_the_document(mesh: Mesh) -> None:
    profile = mesh.profile
    command = [str(SCHEMATHESIS), "run", f"{profile['rest_url']}/openapi.json", "--no-color", "--seed", "1"]
    command += ["--header", f"authorization: Bearer {token_of(mesh)}", "--tls-verify", profile["ca_certificate"]]
    command += ["--phases", "coverage,fuzzing", "--max-examples", "25", "--checks", CHECKS]
    command += ["--exclude-path-regex", STREAMS, "--request-timeout", "60"]  # what is asked is errors, not speed
    ran = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert ran.returncode == 0, ran.stdout[-6000:]
    tested = re.search(r"Tested: (\d+)", ran.stdout)
    assert tested is not None, ran.stdout[-2000:]
    assert int(tested[1]) >= 40
