"""Restores into the directory of a stack, which `up` then starts; or one table into a living database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import asyncpg

from ..credentials import ensure_credentials
from ..places import StackDirectory
from ..ports import free_port
from ..postgres import EmbeddedPostgres
from ..redis import EmbeddedRedis
from ..state import AlreadyRunning, locked
from ..topology import SCHEMAS
from . import logical, physical, redis_data, tools
from .errors import Occupied, Refused
from .manifest import Manifest
from .repository import Repository
from .scratch import open_folder, running_postgres
from .source import BROKER
from .stack_files import NAME as FILES
from .stack_files import unpack_files

POSTGRES = "postgres"


def restore_to(
    repository: Repository, manifest: Manifest, directory: StackDirectory, at: datetime | None, may_replace: bool
) -> list[str]:
    """Restores a backup as the part of a stack that it is of; sentences of what was done.

    A part that is there is moved aside where `may_replace`, else Occupied is raised. Raises BackupError.
    """
    if manifest.kind == "embeddings":
        raise Refused(f"{manifest.id} holds embeddings alone: they go into a database that is there (--live)")
    if at is not None and manifest.kind != "physical":
        raise Refused(f"{manifest.id} is {manifest.kind}: only physical backups restore a point in time (--at)")
    part = directory.part(BROKER if manifest.kind == "redis" else POSTGRES)
    try:
        with locked(directory), open_folder() as scratch:
            aside = _make_room(part, may_replace)
            try:
                said = _restore_part(repository, manifest, directory, at, scratch)
            except BaseException:
                _put_back(part, aside)
                raise
            moved = f"what was in {part} is in {aside}: delete it when nobody misses anything"
            return [moved, *said] if aside else said
    except AlreadyRunning as error:
        raise Refused(f"{error}. A running stack is not restored into") from None


def restore_tables(
    repository: Repository, manifest: Manifest, tables: Sequence[str], url: str, at: datetime | None
) -> list[str]:
    """Brings tables that are lost back into a living database, with their indexes, keys and grants.

    Raises Refused where one is still there: nothing is overwritten.
    """
    asyncio.run(_refuse_present(url, tables))
    with open_folder() as scratch:
        aside = StackDirectory(scratch / "stack")
        restore_to(repository, manifest, aside, at, may_replace=False)
        server = _postgres(aside)
        with running_postgres(server):
            dump = scratch / "tables"
            chosen = [word for table in tables for word in ("-t", table)]
            tools.run("pg_dump", "-Fc", "--no-owner", *chosen, "-f", dump, url=server.url)
        repository.progress.step("pg_restore into the living database, in one transaction")
        name = tools.database_of(url)
        tools.run("pg_restore", "--exit-on-error", "--single-transaction", "--no-owner", "-d", name, dump, url=url)
    return [f"{table}: {rows:,} rows are back" for table, rows in asyncio.run(_rows(url, tables)).items()]


def _restore_part(
    repository: Repository, manifest: Manifest, directory: StackDirectory, at: datetime | None, scratch: Path
) -> list[str]:
    if manifest.has(f"{FILES}.age"):
        unpack_files(repository.fetch(manifest, manifest.stored(f"{FILES}.age"), scratch), directory, scratch)
    if manifest.kind == "redis":
        broker = EmbeddedRedis(directory.part(BROKER), free_port(), "only-here", "broker")
        keys = redis_data.restore(repository, manifest, broker, scratch)
        return [f"{keys:,} of {manifest.redis_keys:,} keys are back (the others had an end that has passed)"]
    server = _postgres(directory)
    server.directory.mkdir(parents=True, exist_ok=True)
    if manifest.kind == "physical":
        physical.restore(repository, manifest, server, at, scratch)
        return ["the cluster is restored, checked by pg_verifybackup, and has recovered"]
    server.prepare()
    with running_postgres(server):
        logical.restore_in_place(repository, manifest, server.url, scratch, may_replace=False)
    return [f"{len(manifest.tables)} tables are restored, each with the rows and the hash it was backed up with"]


def _postgres(directory: StackDirectory) -> EmbeddedPostgres:
    password = ensure_credentials(directory, SCHEMAS).of("postgres")
    return EmbeddedPostgres(directory.part(POSTGRES), free_port(), password)


def _make_room(part: Path, may_replace: bool) -> Path | None:
    """Where what was there is now; None where nothing was. Raises Occupied."""
    if not part.exists() or not any(part.iterdir()):
        return None
    if not may_replace:
        raise Occupied(f"{part} is not empty")
    return _put_away(part, "before")


def _put_back(part: Path, aside: Path | None) -> None:
    """As it was before; what was restored by then is kept for whoever wants to see why it failed."""
    if part.exists():
        _put_away(part, "failed")
    if aside is not None:
        aside.rename(part)


def _put_away(part: Path, why: str) -> Path:
    aside = part.with_name(f"{part.name}.{why}-{time.strftime('%Y%m%dT%H%M%S')}")
    part.rename(aside)
    return aside


async def _refuse_present(url: str, tables: Sequence[str]) -> None:
    connection = await asyncpg.connect(url)
    try:
        for table in tables:
            if "." not in table:
                raise Refused(f"--table {table}: its schema is missing (review.expert_decisions)")
            if await connection.fetchval("SELECT to_regclass($1)", table) is not None:
                raise Refused(
                    f"{table} is still there: rename it first (ALTER TABLE {table} RENAME TO …), nothing is overwritten"
                )
    finally:
        await connection.close()


async def _rows(url: str, tables: Sequence[str]) -> dict[str, int]:
    connection = await asyncpg.connect(url)
    try:
        return {table: await connection.fetchval(f"SELECT count(*) FROM {table}") for table in tables}
    finally:
        await connection.close()
