"""Logical backups: a parallel dump, and the content hash of every table as it was in the snapshot dumped."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from ..postgres import DATABASE
from . import tools
from .archives import pack, unpack
from .content import differences, read_content, read_content_of
from .errors import Damaged, Occupied
from .manifest import Manifest, TableContent
from .repository import Repository
from .taking import Draft, database_facts

DUMP = "dump.tar"
MAINTENANCE = "postgres"
END_CONNECTIONS = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1"
USER_TABLES = """
    SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'"""


def take(draft: Draft, url: str, files: Path | None) -> Manifest:
    """Dumps the database at `url`; `files` are stored with it. Raises BackupError."""
    folder = draft.scratch / "dump"
    content, facts = asyncio.run(_dump(url, folder, draft))
    draft.repository.progress.step(f"{sum(table.rows for table in content.values()):,} rows of {len(content)} tables")
    objects = draft.store(pack(folder, draft.scratch / DUMP), files)
    return draft.finish(objects, facts.pop("server_version"), tables=content, **facts)


def restore(repository: Repository, manifest: Manifest, url: str, scratch: Path) -> None:
    """Restores into the database that `url` names, which is made; its content is compared with the manifest.

    Raises BackupError: Damaged where what was restored is not what was dumped.
    """
    folder = unpack(repository.fetch(manifest, manifest.stored(f"{DUMP}.age"), scratch), scratch / "dump")
    name = tools.database_of(url)
    asyncio.run(_make(url, name, manifest.roles))
    repository.progress.step("pg_restore: tables, then their indexes")
    arguments = ("--exit-on-error", "--no-owner", "-j", tools.PARALLEL, "-d", name)
    tools.run("pg_restore", *arguments, folder, url=url)
    repository.progress.step("comparing the content of every table")
    if faults := differences(manifest.tables, asyncio.run(read_content_of(url))):
        raise Damaged(f"{manifest.id}: restored, but not the same:\n  " + "\n  ".join(faults))


def restore_in_place(repository: Repository, manifest: Manifest, url: str, scratch: Path, may_replace: bool) -> str:
    """Restores beside the database at `url`, then takes its place; a sentence of where the old one is.

    What was there is renamed, not deleted. Raises Occupied where it has tables and `may_replace` is false.
    """
    name = tools.database_of(url) or DATABASE
    is_used = asyncio.run(_is_used(url))
    if is_used and not may_replace:
        raise Occupied(f"database {name} has tables")
    now = datetime.now(UTC)
    beside, aside = f"{name}_restoring_{now:%Y%m%d%H%M%S}", f"{name}_before_{now:%Y%m%d%H%M%S}"
    try:
        restore(repository, manifest, tools.with_database(url, beside), scratch)
    except BaseException:
        asyncio.run(_drop(url, beside))
        raise
    asyncio.run(_swap(url, name, beside, aside))
    if is_used:
        return f"the database as it was is {aside} on the same server: drop it when nobody misses anything"
    asyncio.run(_drop(url, aside))
    return f"database {name} was empty and is restored"


async def _dump(url: str, folder: Path, draft: Draft) -> tuple[Mapping[str, TableContent], dict[str, Any]]:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
            draft.repository.progress.step("pg_dump in a snapshot, hashing the same rows")
            arguments = ("-Fd", "-j", tools.PARALLEL, "--compress=gzip:1", f"--snapshot={snapshot}", "-f", folder)
            dumping = asyncio.to_thread(tools.run, "pg_dump", *arguments, url=url)
            content = read_content(connection)
            _, read = await asyncio.gather(dumping, content)
            return read, await database_facts(connection)
    finally:
        await connection.close()


async def _make(url: str, name: str, roles: tuple[str, ...]) -> None:
    connection = await asyncpg.connect(tools.with_database(url, MAINTENANCE))
    try:
        known = {row[0] for row in await connection.fetch("SELECT rolname FROM pg_roles")}
        for role in roles:
            if role not in known:
                await connection.execute(f'CREATE ROLE "{role}"')
        await connection.execute(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8'")
        await connection.execute(f"ALTER DATABASE \"{name}\" SET maintenance_work_mem = '512MB'")
    finally:
        await connection.close()


async def _is_used(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url)
    except asyncpg.InvalidCatalogNameError:
        return False
    try:
        return bool(await connection.fetchval(USER_TABLES))
    finally:
        await connection.close()


async def _swap(url: str, name: str, beside: str, aside: str) -> None:
    """Renames `name` to `aside` where it exists, and `beside` to `name`; connections are ended."""
    connection = await asyncpg.connect(tools.with_database(url, MAINTENANCE))
    try:
        await connection.execute(f'ALTER DATABASE "{beside}" RESET maintenance_work_mem')
        exists = await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name)
        if exists:
            await connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            await connection.execute(END_CONNECTIONS, name)
        async with connection.transaction():  # both renamed, or none
            if exists:
                await connection.execute(f'ALTER DATABASE "{name}" RENAME TO "{aside}"')
            await connection.execute(f'ALTER DATABASE "{beside}" RENAME TO "{name}"')
    finally:
        for left in (name, aside):
            with contextlib.suppress(asyncpg.InvalidCatalogNameError):
                await connection.execute(f'ALTER DATABASE "{left}" ALLOW_CONNECTIONS true')
        await connection.close()


async def _drop(url: str, name: str) -> None:
    connection = await asyncpg.connect(tools.with_database(url, MAINTENANCE))
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await connection.close()
