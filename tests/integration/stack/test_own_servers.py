"""Servers of the user's own in place of the embedded ones, and the stack in the foreground until SIGTERM."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest
import redis
from shodhana.api.transcripts.v1 import transcripts_pb2 as pb
from shodhana.stack.ports import free_port
from shodhana.stack.postgres import EmbeddedPostgres
from shodhana.stack.redis import EmbeddedRedis
from shodhana_client import connect

START_S = 120
OTHER = ("SHODHANA_DIR", "DATABASE_REPLICA_URL", "OTEL_EXPORTER_OTLP_ENDPOINT")


@dataclass(frozen=True)
class Servers:
    """A Postgres and two Redis that the stack knows by their URLs alone."""

    postgres: EmbeddedPostgres
    cache: EmbeddedRedis
    broker: EmbeddedRedis

    @property
    def environment(self) -> dict[str, str]:
        usual = {name: value for name, value in os.environ.items() if name not in OTHER}
        own = {"DATABASE_URL": self.postgres.url, "REDIS_URL": self.cache.url, "CELERY_BROKER_URL": self.broker.url}
        return usual | own | {"ENABLE_EPIC_3": "false"}

    async def answer(self) -> bool:
        """Whether the three still run."""
        await (await asyncpg.connect(self.postgres.url)).close()
        return all(redis.Redis.from_url(server.url).ping() for server in (self.cache, self.broker))


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that Postgres' own user may enter: pytest's are closed to it."""
    with tempfile.TemporaryDirectory(prefix="shodhana-tests-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def servers(folder: Path) -> Iterator[Servers]:
    found = Servers(
        EmbeddedPostgres(folder / "postgres", free_port(), "owner", volatile=True),
        EmbeddedRedis(folder / "cache", free_port(), "cache", "cache"),
        EmbeddedRedis(folder / "broker", free_port(), "broker", "broker"),
    )
    each = (found.postgres, found.cache, found.broker)
    for server in each:
        server.prepare()
    with running(found.postgres.command()), running(found.cache.command()), running(found.broker.command()):
        until(lambda: not [server for server in each if free_port(server.port) == server.port])
        yield found


@contextmanager
def running(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def until(condition: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + START_S
    while not condition():
        assert time.monotonic() < ends_at, "condition not met in time"
        time.sleep(0.05)


async def test_the_stack_uses_the_users_servers_and_leaves_them_when_it_is_told_to_end(
    servers: Servers, folder: Path
) -> None:
    directory = folder / "stack"
    command = [sys.executable, "-m", "shodhana.stack", "up", "--dir", str(directory), "--replicas", "worker=1"]
    with running(command, env=servers.environment) as stack:
        until(lambda: stack.poll() is not None or phase(directory) == "ready")
        assert stack.poll() is None, (directory / "state.json").read_text()
        parts = {part["name"]: part["pid"] for part in state(directory)["parts"]}
        assert not {"postgres", "redis-cache", "redis-broker"} & set(parts)
        assert await correct_by_a_worker(directory) == 1
        assert await rows(servers.postgres.url) == 1
        assert redis.Redis.from_url(servers.broker.url).keys("_kombu*")
        stack.terminate()
        assert stack.wait(60) == 0
    assert [pid for pid in parts.values() if pid and psutil.pid_exists(pid)] == []
    assert await servers.answer()


def state(directory: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((directory / "state.json").read_text())
    return found


def phase(directory: Path) -> str:
    return str(state(directory)["phase"]) if (directory / "state.json").exists() else ""


async def correct_by_a_worker(directory: Path) -> int:
    """Files that a job of one file corrected."""
    with connect(directory / "client.json") as client:
        file = pb.TranscriptFile(filename="talk.txt", content=b"The practice of dhyan is old.\n")
        job = client.transcripts.CreateJob(pb.CreateJobRequest(files=[file]))
        frames = list(client.transcripts.WatchJob(pb.WatchJobRequest(name=job.name), timeout=60))
    return frames[-1].done.succeeded_count


async def rows(url: str) -> int:
    """Files that the user's database knows."""
    connection = await asyncpg.connect(url)
    try:
        found: int = await connection.fetchval("SELECT count(*) FROM transcripts.job_file")
    finally:
        await connection.close()
    return found
