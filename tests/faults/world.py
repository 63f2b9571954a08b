"""A mesh of two replicas whose Postgres and Redis servers stand behind proxies, each watched by a supervisor."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from shodhana.api.review.v1 import review_pb2
from shodhana.stack.credentials import ensure_credentials
from shodhana.stack.places import StackDirectory
from shodhana.stack.postgres import EmbeddedPostgres
from shodhana.stack.redis import EmbeddedRedis
from shodhana.stack.state import read_state
from shodhana.stack.topology import SCHEMAS
from shodhana_client import connect
from shodhana_client.profile import Profile

from tests.e2e.backup.servers import servers
from tests.e2e.mesh.conftest import Mesh, started
from tests.faults.proxy import Wire, wires
from tests.observability.collector import Collector

STORES = {"postgres": "postgres", "cache": "redis-cache", "broker": "redis-broker"}
"""What the faults call them, and the supervisor."""
EACH_DECISION_ONCE = {"SECOND_READ_SHARE": "0", "GOLD_SHARE": "0"}
"""Nobody reads a case a second time: two decisions on one case are then one too many."""
SMALL = {"redis-broker": "64m", "tablespace": "8m"}
"""Folders on disks of their own that a fault can fill, where we may mount."""

BATCHES, PER_BATCH = 10, 1000


@dataclass(frozen=True, slots=True)
class World:
    """The mesh, its stores in a stack of their own, and a proxy before each: postgres, cache, broker, gateway."""

    mesh: Mesh
    stores: Mesh
    wires: dict[str, Wire]
    database_url: str
    """The superuser's, past the proxy."""
    cache_url: str
    can_mount: bool

    @property
    def through_proxy(self) -> Profile:
        """How to call the gateway through its proxy."""
        port = self.wires["gateway"].port
        return replace(self.mesh.profile, gateway=f"localhost:{port}", rest_url=f"https://localhost:{port}")

    def owner(self, part: str) -> Mesh:
        """The stack that runs a part."""
        return self.stores if part in STORES.values() else self.mesh

    def parts(self) -> list[dict[str, Any]]:
        """Every program of both stacks."""
        return [*self.stores.state["parts"], *self.mesh.state["parts"]]

    def restarts(self, part: str) -> int:
        return sum(found["restarts"] for found in self.owner(part).parts(part))

    def is_healthy(self) -> bool:
        return self.stores.is_healthy() and self.mesh.is_healthy()

    def disk(self, name: str) -> Path:
        """A folder of SMALL."""
        return self.stores.directory / name

    def reveal(self) -> str:
        """What is not healthy, in a line."""
        unwell = [part for part in self.parts() if part["condition"] not in ("healthy", "done")]
        return ", ".join(f"{part['name']} {part['condition']} ({part['health']})" for part in unwell)


@contextmanager
def world(*, replicas: int = 2) -> Iterator[World]:
    """Starts it; takes everything down again."""
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shodhana-faults-")))
        root.chmod(0o755)  # Postgres may run as another user
        can_mount = stack.enter_context(_small_disks(root))
        stack.enter_context(servers(StackDirectory(root), {}, frozenset(STORES.values())))
        ports = {name: _port(root, part) for name, part in STORES.items()}
        found = stack.enter_context(wires(ports))
        urls = _urls(root, {name: wire.port for name, wire in found.items()})
        straight = _urls(root, ports)
        mesh = stack.enter_context(
            contextmanager(started)(Collector(), urls | EACH_DECISION_ONCE, "--replicas", f"{replicas}")
        )
        found |= stack.enter_context(wires({"gateway": int(mesh.profile.gateway.rpartition(":")[2])}))
        stores = Mesh(root, mesh.collector, mesh.environment)
        _queue_cases(mesh)
        yield World(mesh, stores, found, straight["DATABASE_URL"], straight["REDIS_URL"], can_mount)


def wait_until_healthy(found: World, seconds: float) -> float:
    """Seconds that it took. Raises AssertionError, naming who is not."""
    began = time.monotonic()
    while not found.is_healthy():
        assert time.monotonic() - began < seconds, found.reveal()
        time.sleep(0.1)
    return time.monotonic() - began


def _queue_cases(mesh: Mesh) -> None:
    """Work for the reviewers of a long run."""
    secrets = ensure_credentials(StackDirectory(mesh.directory), SCHEMAS)
    account = replace(mesh.profile, client_id="transcripts", client_secret=secrets.account("transcripts"))
    with connect(account) as client:
        for batch in range(BATCHES):
            cases = [
                review_pb2.NewCase(
                    domain="spiritual",
                    heard=f"bakti {batch} {number}",
                    filename="queued.srt",
                    suggestions=[review_pb2.Suggestion(term="bhakti")],
                )
                for number in range(PER_BATCH)
            ]
            client.review.CreateCases(review_pb2.CreateCasesRequest(cases=cases, request_id=str(uuid.uuid4())))


def _port(root: Path, part: str) -> int:
    [port] = [state.port for state in read_state(StackDirectory(root)).parts if state.name == part]
    assert port is not None
    return port


def _urls(root: Path, ports: dict[str, int]) -> dict[str, str]:
    directory = StackDirectory(root)
    secrets = ensure_credentials(directory, SCHEMAS)
    cache, broker = (
        EmbeddedRedis(directory.part(STORES[name]), ports[name], secrets.of(name), name)  # type: ignore[arg-type]
        for name in ("cache", "broker")
    )
    postgres = EmbeddedPostgres(directory.part("postgres"), ports["postgres"], secrets.of("postgres"))
    return {"DATABASE_URL": postgres.url, "REDIS_URL": cache.url, "CELERY_BROKER_URL": broker.url}


@contextmanager
def _small_disks(root: Path) -> Iterator[bool]:
    """Mounts the folders of SMALL; False where that is not allowed here."""
    mounted: list[Path] = []
    try:
        for name, size in SMALL.items():
            folder = root / name
            folder.mkdir()
            command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0777", "tmpfs", str(folder)]
            if os.geteuid() != 0 or shutil.which("mount") is None or subprocess.run(command, check=False).returncode:
                break
            mounted.append(folder)
        yield len(mounted) == len(SMALL)
    finally:
        for folder in mounted:
            subprocess.run(["umount", "-l", str(folder)], check=False)
