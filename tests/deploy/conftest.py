"""The manifests as the cluster would get them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import Any

import pytest
from shodhana.stack.places import PROJECT

sys.path.insert(0, str(PROJECT / "tools"))
OVERLAYS = PROJECT / "deploy" / "kubernetes" / "overlays"


@pytest.fixture(scope="session")
def prod() -> list[dict[str, Any]]:
    return built("prod")


@pytest.fixture(scope="session")
def dev() -> list[dict[str, Any]]:
    return built("dev")


def built(overlay: str) -> list[dict[str, Any]]:
    """What kustomize makes of an overlay."""
    import manifests

    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed: manifests cannot be built here")
    command = ["kubectl", "kustomize", str(OVERLAYS / overlay)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return manifests.read(done.stdout)
