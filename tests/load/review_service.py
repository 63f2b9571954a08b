"""A Postgres with waiting cases and replicas of the review service, for the benchmark of the queue."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import psutil
from grpc_health.v1 import health_pb2, health_pb2_grpc
from shodhana.api.review.v1 import review_pb2 as pb
from shodhana.identity.adapters.key_files import KeyFileSigner
from shodhana.identity.domain.roles import permissions_of
from shodhana.review.settings import ReviewSettings
from shodhana.stack.migrations import SCHEMAS, migrate, role_of, set_passwords
from shodhana.stack.ports import free_port
from shodhana.stack.postgres import EmbeddedPostgres

START_S = 60
PASSWORD = "only-for-this-run"
DOMAINS = ["spiritual", "philosophical", "scriptural", "general"]


@dataclass(frozen=True, slots=True)
class Service:
    """Replicas that are ready, and whom they know."""

    postgres: EmbeddedPostgres
    targets: list[str]
    tokens: list[str]
    replicas: list[psutil.Process]
    server: psutil.Process

    def processor_s(self) -> dict[str, float]:
        """Processor seconds used so far by the replicas and by Postgres."""
        return {
            "service": sum(_used(process) for process in self.replicas),
            "postgres": sum(_used(process) for process in [self.server, *self.server.children(recursive=True)]),
        }

    def decided(self) -> tuple[int, int]:
        """Decisions stored, and cases they are of."""
        return asyncio.run(_decided(self.postgres.url))


@contextmanager
def started(directory: Path, cases: int, replicas: int, reviewers: int) -> Iterator[Service]:
    """A service of its own in `directory`, with so many waiting cases and tokens for so many reviewers."""
    directory.chmod(0o755)  # Postgres may run as another user
    with ExitStack() as stack:
        postgres, server = stack.enter_context(database(directory, cases))
        signer = KeyFileSigner(directory / "key.json", directory / "jwks.json")
        started_replicas = [stack.enter_context(replica(postgres, directory)) for _ in range(replicas)]
        tokens = [signer.sign(_claims(f"users/{number}")) for number in range(reviewers)]
        processes = [process for process, _ in started_replicas]
        yield Service(postgres, [target for _, target in started_replicas], tokens, processes, server)


def _claims(user: str) -> dict[str, Any]:
    settings, now = ReviewSettings(), int(time.time())
    common = {"iss": settings.token_issuer, "aud": settings.token_audience, "iat": now, "exp": now + 3600}
    return {**common, "sub": user, "permissions": sorted(permissions_of(["expert_linguist"]))}


@contextmanager
def running(command: list[str], **options: Any) -> Iterator[psutil.Process]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.send_signal(2)
        process.wait(30)


@contextmanager
def database(directory: Path, cases: int) -> Iterator[tuple[EmbeddedPostgres, psutil.Process]]:
    """A migrated Postgres with waiting cases; it syncs to disk."""
    postgres = EmbeddedPostgres(directory, free_port(), PASSWORD)
    postgres.prepare()
    with running(postgres.command()) as process:
        migrate(postgres.url)
        asyncio.run(set_passwords(postgres.url, dict.fromkeys(SCHEMAS, PASSWORD)))
        asyncio.run(_fill(postgres.url, cases))
        yield postgres, process


@contextmanager
def replica(postgres: EmbeddedPostgres, directory: Path) -> Iterator[tuple[psutil.Process, str]]:
    """A process of the service that is ready, and its address."""
    target = f"127.0.0.1:{free_port()}"
    settings = {
        "LISTEN_ADDRESS": target,
        "DATABASE_URL": postgres.url_of(role_of("review"), PASSWORD),
        "JWKS_PATH": str(directory / "jwks.json"),
        "LOG_LEVEL": "WARNING",
        "DRAIN_S": "0",
    }
    with running([sys.executable, "-m", "shodhana.review"], env={**os.environ, **settings}) as process:
        wait_until_ready(target)
        yield process, target


def wait_until_ready(target: str) -> None:
    ends_at = time.monotonic() + START_S
    with grpc.insecure_channel(target) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        while True:
            answer = stub.Check(health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=START_S)
            if answer.status == health_pb2.HealthCheckResponse.SERVING:
                return
            if time.monotonic() > ends_at:
                raise TimeoutError(f"{target} is not ready")
            time.sleep(0.05)


def _used(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


async def _fill(url: str, cases: int) -> None:
    connection = await asyncpg.connect(url)
    batch_id = str(uuid.uuid4())
    body = pb.NewCase(heard="heard", context="words around " * 20).SerializeToString()
    await connection.execute("INSERT INTO review.batches (batch_id, content_digest) VALUES ($1, '')", batch_id)
    await connection.execute(
        "INSERT INTO review.review_cases (domain, rank_at, due_at, filename, heard, body, batch_id, batch_position) "
        "SELECT ($2::text[])[1 + i % 4], now() + i * interval '1 s', now(), 'talk.srt', 'heard', $4, $1, i "
        "FROM generate_series(1, $3::int) AS i",
        *(batch_id, DOMAINS, cases, body),
    )
    await connection.execute("VACUUM ANALYZE review.review_cases")
    await connection.close()


async def _decided(url: str) -> tuple[int, int]:
    connection = await asyncpg.connect(url)
    row = await connection.fetchrow("SELECT count(*), count(DISTINCT case_id) FROM review.expert_decisions")
    await connection.close()
    return row[0], row[1]
