"""Real servers for the tests, each on a free port, stopped by the process they were started as."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
import redis as redis_client
from shodhana.stack.migrations import SCHEMAS, migrate, role_of, set_passwords
from shodhana.stack.places import PROJECT
from shodhana.stack.ports import free_port
from shodhana.stack.postgres import EmbeddedPostgres
from shodhana.stack.redis import EmbeddedRedis

SHARED = Path(os.environ.get("SHODHANA_SHARED", PROJECT.parent / "shared"))
ROLE_PASSWORD = "only-for-tests"
START_S = 90


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Development data that is not part of the project; the test is skipped where it is absent."""
    if not (SHARED / "data").exists():
        pytest.skip(f"development data not found at {SHARED}/data")
    return SHARED / "data"


@dataclass(frozen=True, slots=True)
class Database:
    """A migrated database of its own."""

    url: str
    postgres: EmbeddedPostgres
    name: str

    def role_url(self, schema: str) -> str:
        """The URL a service logs in with."""
        return self.postgres.url_of(role_of(schema), ROLE_PASSWORD, self.name)


def wait_until(condition: Callable[[], bool], seconds: float = START_S) -> None:
    """Returns when the condition holds; fails when it does not in time."""
    ends_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends_at, "condition not met in time"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedPostgres]:
    """A Postgres with all migrations applied to its template database."""
    with tempfile.TemporaryDirectory(prefix="shodhana-tests-") as directory:
        Path(directory).chmod(0o755)  # pytest's own are closed to the user Postgres runs as
        yield from started_postgres(Path(directory))


def started_postgres(directory: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(directory, free_port(), "only-for-tests", volatile=True)
    server.prepare()
    with Running(server.command()):
        maintenance = server.url_of("shodhana", server.password, "postgres")
        wait_until(lambda: answers(maintenance))
        migrate(server.url)
        asyncio.run(set_passwords(server.url, dict.fromkeys(SCHEMAS, ROLE_PASSWORD)))
        yield server


@pytest.fixture
def postgres_database(postgres_server: EmbeddedPostgres) -> Iterator[Database]:
    """A fresh copy of the migrated database."""
    name = f"test_{uuid.uuid4().hex}"
    maintenance = postgres_server.url_of("shodhana", postgres_server.password, "postgres")
    asyncio.run(execute(maintenance, f"CREATE DATABASE {name} TEMPLATE shodhana"))
    yield Database(postgres_server.url_of("shodhana", postgres_server.password, name), postgres_server, name)
    asyncio.run(execute(maintenance, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """A broker-like Redis; `.url` is its address."""
    server = EmbeddedRedis(tmp_path_factory.mktemp("redis"), free_port(), "only-for-tests", "broker")
    server.prepare()
    with Running(server.command()):
        client = redis_client.Redis.from_url(server.url)

        def pings() -> bool:
            try:
                return bool(client.ping())
            except redis_client.RedisError:
                return False

        wait_until(pings)
        client.close()
        yield server


class Running:
    """Runs a command for the length of a `with` block."""

    def __init__(self, command: list[str], **options: object) -> None:
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)

    def __enter__(self) -> subprocess.Popen[bytes]:
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def answers(url: str) -> bool:
    """Whether Postgres takes connections."""
    try:
        asyncio.run(execute(url, "SELECT 1"))
    except (OSError, asyncpg.PostgresError):
        return False
    return True


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
