"""A whole mesh for the tests that need one: started once, real in every part, stopped at the end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

STACK = (sys.executable, "-m", "shodhana.stack")
COMMAND_S = 300
REPLACED = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "ENABLE_EPIC_3", "SHODHANA_DIR")


@dataclass(frozen=True, slots=True)
class Mesh:
    """A running stack; its files stand in `directory`."""

    directory: Path

    @property
    def client(self) -> Path:
        """client.json, which the client and the command-line tool read."""
        return self.directory / "client.json"

    @property
    def profile(self) -> dict[str, str]:
        content: dict[str, str] = json.loads(self.client.read_text())
        return content

    def status(self) -> dict[str, Any]:
        """What `shodhana status --json` prints."""
        content: dict[str, Any] = json.loads(stack_command("status", self.directory, "--json").stdout)
        return content

    def part(self, name: str) -> dict[str, Any]:
        """One line of the status."""
        return next(part for part in self.status()["parts"] if part["name"] == name)


def stack_command(
    command: str,
    directory: Path,
    *arguments: str,
    environment: dict[str, str] | None = None,
    prefix: Sequence[str] = (),
) -> subprocess.CompletedProcess[str]:
    """Runs `shodhana COMMAND --dir DIRECTORY …`."""
    clean = {name: value for name, value in os.environ.items() if name not in REPLACED}
    return subprocess.run(
        [*prefix, *STACK, command, "--dir", str(directory), *arguments],
        capture_output=True,
        text=True,
        timeout=COMMAND_S,
        check=False,
        env=clean | (environment or {}),
    )


@pytest.fixture(scope="session")
def mesh() -> Iterator[Mesh]:
    """One replica of each service, for tests that leave it as they found it."""
    with stack_directory() as directory:
        started = stack_command("up", directory, "--detach", "--replicas", "worker=1")
        try:
            assert started.returncode == 0, started.stdout + started.stderr
            yield Mesh(directory)
        finally:
            stack_command("down", directory)


@contextmanager
def stack_directory() -> Iterator[Path]:
    """A directory that Postgres' own user may enter: pytest's are closed to it."""
    with tempfile.TemporaryDirectory(prefix="shodhana-mesh-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def directory() -> Iterator[Path]:
    """A place for a stack of the test's own, which is stopped at the end."""
    with stack_directory() as place:
        try:
            yield place
        finally:
            stack_command("down", place)


@pytest.fixture(scope="session")
def run_command() -> Callable[..., subprocess.CompletedProcess[str]]:
    """`run_command("up", directory, "--detach")`: a command of the stack, as a process."""
    return stack_command
