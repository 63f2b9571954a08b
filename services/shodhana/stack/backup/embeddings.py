"""The embeddings alone: each table of vectors as a binary copy, restored in one transaction into a living database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import asyncpg

from .archives import pack, unpack
from .content import differences, read_content
from .errors import Damaged, Occupied, Refused
from .manifest import Manifest, TableContent
from .repository import Repository
from .taking import Draft, database_facts

COPIES = "embeddings.tar.gz"
SCHEMA = "similarity"
TABLES = """
    SELECT DISTINCT c.relname FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_type t ON t.oid = a.atttypid
    WHERE n.nspname = $1 AND c.relkind = 'r' AND t.typname IN ('vector', 'halfvec') ORDER BY 1"""
INDEXES = """
    SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
    WHERE i.indrelid = ANY ($1::regclass[]) AND m.amname IN ('hnsw', 'ivfflat')
      AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = i.indexrelid)"""


def take(draft: Draft, url: str) -> Manifest:
    """Copies every table that has vectors, in one snapshot. Raises BackupError."""
    folder = draft.scratch / "embeddings"
    folder.mkdir()
    content, facts = asyncio.run(_copy_out(url, folder))
    draft.repository.progress.step(f"{sum(table.rows for table in content.values()):,} vectors")
    objects = draft.store(pack(folder, draft.scratch / COPIES))
    return draft.finish(objects, facts.pop("server_version"), tables=content, **facts)


def restore(repository: Repository, manifest: Manifest, url: str, scratch: Path, may_replace: bool) -> str:
    """Puts the vectors in the place of those that are there; a sentence of what was done.

    All or nothing. Raises Occupied where there are some and `may_replace` is false, Damaged, WrongKey.
    """
    folder = unpack(repository.fetch(manifest, manifest.stored(f"{COPIES}.age"), scratch), scratch / "embeddings")
    repository.progress.step("copying the vectors, then building their indexes")
    asyncio.run(_copy_in(url, folder, manifest, may_replace))
    return f"{sum(table.rows for table in manifest.tables.values()):,} vectors are in place"


async def _copy_out(url: str, folder: Path) -> tuple[dict[str, TableContent], dict[str, Any]]:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            tables = [row[0] for row in await connection.fetch(TABLES, SCHEMA)]
            for table in tables:
                await connection.copy_from_table(table, schema_name=SCHEMA, output=folder / table, format="binary")
            return await _content(connection, tables), await database_facts(connection)
    finally:
        await connection.close()


async def _copy_in(url: str, folder: Path, manifest: Manifest, may_replace: bool) -> None:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            names = list(manifest.tables)
            await connection.execute(f"LOCK TABLE {', '.join(names)} IN ACCESS EXCLUSIVE MODE")
            if not may_replace and any([await connection.fetchval(f"SELECT EXISTS (SELECT FROM {t})") for t in names]):
                raise Occupied("there are embeddings in the database")
            await connection.execute("SET LOCAL maintenance_work_mem = '512MB'")
            indexes = await connection.fetch(INDEXES, names)
            for index in indexes:
                await connection.execute(f"DROP INDEX {index['name']}")
            await connection.execute(f"TRUNCATE {', '.join(names)}")
            for path in sorted(folder.iterdir()):
                await connection.copy_to_table(path.name, schema_name=SCHEMA, source=path, format="binary")
            for index in indexes:
                await connection.execute(index["definition"])
            if faults := differences(
                manifest.tables, await _content(connection, [path.name for path in folder.iterdir()])
            ):
                raise Damaged(f"{manifest.id}: " + "; ".join(faults))
    except asyncpg.UndefinedTableError as error:
        raise Refused(f"{error}: migrate the database first (`shodhana up` does)") from None
    finally:
        await connection.close()


async def _content(connection: asyncpg.Connection[Any], tables: Iterable[str]) -> dict[str, TableContent]:
    wanted = {f"{SCHEMA}.{table}" for table in tables}
    return {name: found for name, found in (await read_content(connection)).items() if name in wanted}
