"""The parts of a stack that keep data: Postgres with its migrations, and the two Redis instances."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from . import health
from .keeper import guarded
from .migrations import migrate, set_passwords
from .parts import Program, Step
from .places import StackDirectory
from .postgres import EmbeddedPostgres
from .redis import EmbeddedRedis

POSTGRES = "postgres"
MIGRATIONS = "migrations"
WAL_ARCHIVER = "wal-archiver"


def postgres(directory: Path, port: int, password: str, is_archived: bool = False) -> tuple[Program, str]:
    """The program, and the superuser's URL."""
    server = EmbeddedPostgres(directory, port, password, is_archived=is_archived)
    program = Program(
        name=POSTGRES,
        command=lambda: tuple(server.command()),
        check=health.postgres_answers(server.url_of("shodhana", password, "postgres")),
        prepare=server.prepare,
        port=port,
        stop_signal=signal.SIGINT,  # ends connections; SIGTERM would wait for them
    )
    return program, server.url


def wal_archiver(directory: StackDirectory) -> Program:
    """Takes what Postgres puts into its spool into the archive of the backups."""
    ready = directory.part("ready") / WAL_ARCHIVER
    words = (sys.executable, "-m", "shodhana.stack.backup.shipper", str(directory.root), str(ready))
    return Program(
        name=WAL_ARCHIVER,
        command=guarded(*words),
        check=health.file_touched(ready),
        needs=frozenset({POSTGRES}),
        prepare=health.removes(ready),
        answers_while_working=False,
    )


def migrations(database_url: str, passwords: Mapping[str, str], needs: frozenset[str]) -> Step:
    """Brings the database up to date and lets each schema's role log in with its password."""

    async def update() -> None:
        await asyncio.to_thread(migrate, database_url)
        await set_passwords(database_url, passwords)

    return Step(MIGRATIONS, update, needs)


def redis(directory: Path, port: int, password: str, purpose: Literal["cache", "broker"]) -> tuple[Program, str]:
    """The program, and its URL."""
    server = EmbeddedRedis(directory, port, password, purpose)
    program = Program(
        name=f"redis-{purpose}",
        command=tuple(server.command()),
        check=health.redis_answers(server.url),
        prepare=server.prepare,
        port=port,
    )
    return program, server.url
