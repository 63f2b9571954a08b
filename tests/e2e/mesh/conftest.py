"""A whole mesh with two replicas of each service, traced by a collector in this process."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from shodhana_client.profile import Profile

from tests.observability.collector import Collector, running_collector

TOOL = Path(sys.executable).parent / "shodhana"
START_S = 180
WITHOUT = {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "SHODHANA_DIR", "SHODHANA_CLIENT", "ENABLE_EPIC_3"}


@dataclass
class Mesh:
    """A running stack."""

    directory: Path
    collector: Collector
    environment: dict[str, str]
    _token: str = field(default="", repr=False)

    @property
    def profile(self) -> Profile:
        return Profile.read(self.directory / "client.json")

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.directory / "state.json").read_text())
        return state

    def parts(self, name: str) -> list[dict[str, Any]]:
        """The processes of a service: `similarity`, or `similarity-1`, `similarity-2`."""
        return [part for part in self.state["parts"] if part["name"] == name or part["name"].startswith(f"{name}-")]

    def pids(self, name: str) -> list[int]:
        return [part["pid"] for part in self.parts(name) if part["pid"]]

    def send(self, name: str, number: signal.Signals) -> None:
        """Sends a signal to every process of a service."""
        for pid in self.pids(name):
            os.kill(pid, number)

    def is_healthy(self) -> bool:
        return all(part["condition"] in ("healthy", "done") for part in self.state["parts"])

    def tool(self, *arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs the command-line tool against this mesh."""
        command = [str(TOOL), *map(str, arguments)]
        environment = {**self.environment, "SHODHANA_CLIENT": str(self.directory / "client.json")}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=180)
        assert not check or done.returncode == 0, done.stderr
        return done

    def token(self) -> str:
        if not self._token:
            self._token = self.tool("token").stdout.strip()
        return self._token

    def rest(self, token: str | None = None) -> httpx.Client:
        """An HTTP client with a token; `token=""` sends none."""
        bearer = self.token() if token is None else token
        context = ssl.create_default_context(cafile=str(self.profile.ca_certificate))
        headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
        return httpx.Client(base_url=self.profile.rest_url, verify=context, headers=headers, timeout=60)


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Returns when the condition holds; fails, naming it, when it does not in time."""
    ends_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends_at, f"{what}: not within {seconds} s"
        time.sleep(0.1)


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    with running_collector() as collector:
        yield collector


@pytest.fixture(scope="session")
def mesh(collector: Collector) -> Iterator[Mesh]:
    """Two replicas of each service."""
    yield from started(collector, {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.address}"}, "--replicas", "2")


def started(collector: Collector, extra: dict[str, str], *options: str) -> Iterator[Mesh]:
    """A stack in a directory of its own, stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="shodhana-e2e-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        environment = {key: value for key, value in os.environ.items() if key not in WITHOUT} | extra
        command = [str(TOOL), "up", "--detach", "--dir", str(directory), *options]
        done = subprocess.run(
            command, env=environment, cwd=directory, capture_output=True, text=True, check=False, timeout=START_S
        )
        try:
            assert done.returncode == 0, done.stdout + done.stderr
            yield Mesh(directory, collector, environment)
        finally:
            subprocess.run([str(TOOL), "down", "--dir", str(directory)], env=environment, check=False, timeout=90)
