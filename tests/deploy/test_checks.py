"""Each check of `make check-deploy` notices a mistake that is planted into a copy of deploy/.

Those that take minutes run only there, where `DEPLOY_CHECKS=all` is set.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from shodhana.stack.places import PROJECT

CHECK = PROJECT / "tools" / "check_deploy.sh"
COMMAND_S = 900


@dataclass(frozen=True, slots=True)
class Planted:
    """In `file` the first `right` becomes `wrong`; without a file it is the gateway's configuration, by sed."""

    check: str
    file: str
    right: str
    wrong: str
    is_slow: bool = False


MISTAKES = (
    Planted("compose", "compose/core.yaml", "read_only: true", "readonly: true"),
    Planted("stack", "swarm/stack.yaml", 'cpus: "1"', "cpus: 1"),
    Planted("stack", "swarm/alerts.yaml", "replicas: 1", "replicas: one"),
    Planted("manifests", "kubernetes/base/quality.yaml", "containerPort: 50051", "containerPort: grpc"),
    Planted("manifests", "kubernetes/base/network.yaml", "policyTypes:", "policyType:"),
    Planted("policies", "kubernetes/base/pods.yaml", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"),
    Planted("hadolint", "docker/Dockerfile", "ARG SERVICE\n", "ARG SERVICE\nMAINTAINER nobody\n"),
    Planted("shellcheck", "docker/base.sh", "set -eu\n", "set -eu\necho $1\n"),
    Planted("envoy", "", "lb_policy: LEAST_REQUEST", "lb_policy: LEAST_BUSY"),
    Planted("rules", "prometheus/rules/slo.yml", "expr: ", "expr: ) "),
    Planted(
        "checkov", "kubernetes/base/gateway.yaml", "allowPrivilegeEscalation: false", "privileged: true", is_slow=True
    ),
    Planted("testssl", "", "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", is_slow=True),
)


@pytest.mark.timeout(COMMAND_S)
@pytest.mark.parametrize("planted", MISTAKES, ids=lambda planted: f"{planted.check}-{planted.wrong.split()[0]}")
def test_a_planted_mistake_fails_its_check(planted: Planted, tmp_path: Path) -> None:
    if planted.is_slow and os.environ.get("DEPLOY_CHECKS") != "all":
        pytest.skip("takes minutes: `make check-deploy` runs it")
    deploy = tmp_path / "deploy"
    shutil.copytree(PROJECT / "deploy", deploy, ignore=shutil.ignore_patterns("secrets"))
    environment = os.environ | {"DEPLOY": str(deploy), "CI": ""}
    if planted.file:
        path = deploy / planted.file
        text = path.read_text()
        assert planted.right in text
        path.write_text(text.replace(planted.right, planted.wrong, 1))
    else:
        environment["GATEWAY_MISTAKE"] = f"s/{planted.right}/{planted.wrong}/"
    done = subprocess.run(
        [str(CHECK), planted.check], capture_output=True, text=True, timeout=COMMAND_S, check=False, env=environment
    )
    if "skipped:" in done.stdout:
        pytest.skip(done.stdout.partition("skipped:")[2].strip())
    assert f"failed: {planted.check}" in done.stdout, done.stdout + done.stderr
