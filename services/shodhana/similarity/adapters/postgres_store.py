"""Versions, entries and vectors in schema `similarity`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import asyncpg
import numpy as np

from shodhana.errors import AlreadyExists
from shodhana.runtime.audit import transaction_of_caller
from shodhana.runtime.postgres import Connection

from ..domain.index import DIMENSIONS, Halves, Matrix
from ..domain.lexicon import (
    Entry,
    EntryNotFound,
    EntryQuery,
    Imported,
    NewVersion,
    Version,
    VersionNotFound,
    content_hash_of,
    merged,
)
from .postgres_verses import store_verses

LEXICON_LOCK = 7_461_202  # advisory: one new version at a time
VERSION = "version_id, active, entry_count, supersedes, description, creator, content_hash, created_at, decisions"
ENTRY = "entry_id, term, domain, field, part_of_speech, gloss, aliases, note, anglicised, source, license"
_FILTER = (
    "FROM version_entry JOIN lexicon_entry USING (entry_id) WHERE version_id = $1 AND ($2 = '' OR domain = $2) "
    "AND ($3 = '' OR EXISTS (SELECT FROM lexicon_form WHERE lexicon_form.entry_id = lexicon_entry.entry_id "
    "AND term_norm LIKE $3 || '%'))"
)
Record = tuple[Any, ...]
Key = tuple[str, str, str]
_COLUMNS = tuple(name.strip() for name in ENTRY.split(","))
_FEW_VALUES = ("domain", "field", "part_of_speech", "note", "source", "license")  # kept once for thousands of entries
_LATEST_ORIGIN = "SELECT origin FROM lexicon_version WHERE origin <> '' ORDER BY version_id DESC LIMIT 1"


class PostgresStore:
    """The port `LexiconStore`, and the vectors beside it."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def create_version(self, new: NewVersion) -> Imported:
        async with transaction_of_caller(self._pool) as connection:
            await connection.execute("SELECT pg_advisory_xact_lock($1)", LEXICON_LOCK)
            if new.request_id or new.origin:
                found = await connection.fetchrow(
                    f"SELECT {VERSION} FROM lexicon_version WHERE request_id = $1 "
                    f"OR (origin = $2 AND $2 = ({_LATEST_ORIGIN})) ORDER BY version_id DESC LIMIT 1",
                    *(new.request_id, new.origin),
                )
                if found is not None:
                    return Imported(version_of(found), 0)
            return await self._create(connection, new)

    async def _create(self, connection: Connection, new: NewVersion) -> Imported:
        base = await connection.fetchrow(f"SELECT {VERSION} FROM lexicon_version WHERE active")
        present = await _entries(connection, base["version_id"]) if base and new.merge else []
        records, content_hash, replaced = await asyncio.to_thread(_prepared, present, new)
        row = await connection.fetchrow(
            "INSERT INTO lexicon_version (entry_count, supersedes, description, creator, origin, content_hash, "
            f"request_id) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING {VERSION}",
            *(len(records), base["version_id"] if base else None, new.description, new.creator, new.origin),
            *(content_hash, new.request_id),
        )
        version = version_of(_found(row, 0))
        await store_entries(connection, version.version_id, records)
        await store_verses(connection, new.verses)
        if new.activate:
            version = await _activate(connection, version.version_id)
        return Imported(version, replaced)

    async def active_version(self) -> Version | None:
        row = await self._pool.fetchrow(f"SELECT {VERSION} FROM lexicon_version WHERE active")
        return version_of(row) if row else None

    async def version(self, version_id: int) -> Version:
        row = await self._pool.fetchrow(f"SELECT {VERSION} FROM lexicon_version WHERE version_id = $1", version_id)
        return version_of(_found(row, version_id))

    async def versions(self, before: int | None, limit: int) -> list[Version]:
        rows = await self._pool.fetch(
            f"SELECT {VERSION} FROM lexicon_version WHERE $1::bigint IS NULL OR version_id < $1 "
            "ORDER BY version_id DESC LIMIT $2",
            *(before, limit),
        )
        return [version_of(row) for row in rows]

    async def activate(self, version_id: int) -> Version:
        async with transaction_of_caller(self._pool) as connection:
            await connection.execute("SELECT pg_advisory_xact_lock($1)", LEXICON_LOCK)
            return await _activate(connection, version_id)

    async def latest_origin(self) -> str:
        return str(await self._pool.fetchval(_LATEST_ORIGIN) or "")

    async def entries(self, version_id: int) -> list[Entry]:
        async with self._pool.acquire() as connection:
            return await _entries(connection, version_id)

    async def entries_only_in(self, version_id: int, other_id: int) -> list[Entry]:
        rows = await self._pool.fetch(
            f"SELECT {ENTRY} FROM version_entry AS here JOIN lexicon_entry USING (entry_id) WHERE version_id = $1 "
            "AND NOT EXISTS (SELECT FROM version_entry AS other "
            "WHERE other.version_id = $2 AND other.entry_id = here.entry_id)",
            *(version_id, other_id),
        )
        return [entry_of(row) for row in rows]

    async def list_entries(self, query: EntryQuery) -> list[Entry]:
        rows = await self._pool.fetch(
            f"SELECT {ENTRY} {_FILTER} AND (term, entry_id) > ($4, $5) ORDER BY term, entry_id LIMIT $6",
            *(query.version_id, query.domain, query.prefix, *query.after, query.limit),
        )
        return [entry_of(row) for row in rows]

    async def count_entries(self, query: EntryQuery) -> int:
        return int(
            await self._pool.fetchval(f"SELECT count(*) {_FILTER}", query.version_id, query.domain, query.prefix)
        )

    async def entry(self, version_id: int, entry_id: int) -> Entry:
        row = await self._pool.fetchrow(
            f"SELECT {ENTRY} FROM version_entry JOIN lexicon_entry USING (entry_id) "
            "WHERE version_id = $1 AND entry_id = $2",
            *(version_id, entry_id),
        )
        if row is None:
            raise EntryNotFound(f"version {version_id} has no entry {entry_id}")
        return entry_of(row)

    async def vectors(self, model_id: str) -> dict[Key, Halves]:
        """All vectors of a model by (domain, term_norm, context_hash)."""
        rows = await self._pool.fetch(
            "SELECT domain, term_norm, context_hash, halfvec_send(embedding) AS bytes FROM semantic_embeddings "
            "WHERE model_id = $1",
            model_id,
        )
        return await asyncio.to_thread(_vectors_by_key, rows)

    async def add_vectors(self, model_id: str, vectors: Iterable[tuple[Key, Matrix]]) -> None:
        """Stores vectors; those that are there already stay."""
        records = await asyncio.to_thread(lambda: [(model_id, *key, _literal(vector)) for key, vector in vectors])
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "CREATE TEMPORARY TABLE fresh (model_id text, domain text, term_norm text, context_hash text, "
                "embedding text) ON COMMIT DROP"
            )
            await connection.copy_records_to_table("fresh", records=records)
            await connection.execute(
                "INSERT INTO semantic_embeddings (model_id, domain, term_norm, context_hash, embedding) "
                "SELECT model_id, domain, term_norm, context_hash, embedding::halfvec FROM fresh ON CONFLICT DO NOTHING"
            )

    async def verse_count(self, source: str) -> int:
        """Verses of a source."""
        return int(await self._pool.fetchval("SELECT count(*) FROM verse WHERE source = $1", source))


def _prepared(present: Sequence[Entry], new: NewVersion) -> tuple[list[Record], str, int]:
    """Rows of all entries of the new version, the hash of its content, and how many entries it replaces."""
    entries, replaced = merged(present, new.entries, new.replaces_source_prefix)
    records = records_of(entries)
    return records, content_hash_of(record[0] for record in records), replaced


def records_of(entries: Iterable[Entry]) -> list[Record]:
    """The rows of entries, for `store_entries`."""
    return [
        (
            *(entry.content_hash, entry.term, entry.domain, entry.field, entry.part_of_speech, entry.gloss),
            *(list(entry.aliases), entry.note, entry.anglicised, entry.source, entry.license, list(entry.forms)),
        )
        for entry in entries
    ]


async def store_entries(connection: Connection, version_id: int, records: Sequence[Record]) -> None:
    """Entries, their forms and the version's set of them, by COPY: thousands of rows take well under a second."""
    await connection.execute("CREATE TEMPORARY TABLE incoming (LIKE lexicon_entry, forms text[]) ON COMMIT DROP")
    await connection.execute("ALTER TABLE incoming ALTER entry_id DROP NOT NULL")
    columns = "content_hash, term, domain, field, part_of_speech, gloss, aliases, note, anglicised, source, license"
    await connection.copy_records_to_table("incoming", records=records, columns=[*columns.split(", "), "forms"])
    await connection.execute(
        f"INSERT INTO lexicon_entry ({columns}) SELECT {columns} FROM incoming ON CONFLICT DO NOTHING"
    )
    await connection.execute(
        "INSERT INTO version_entry SELECT $1, entry.entry_id FROM incoming JOIN lexicon_entry AS entry "
        "USING (content_hash)",
        version_id,
    )
    await connection.execute(
        "INSERT INTO lexicon_form SELECT entry.entry_id, unnest(incoming.forms) FROM incoming "
        "JOIN lexicon_entry AS entry USING (content_hash) ON CONFLICT DO NOTHING"
    )
    await connection.execute("DROP TABLE incoming")


async def _activate(connection: Connection, version_id: int) -> Version:
    await connection.execute("UPDATE lexicon_version SET active = false WHERE active AND version_id <> $1", version_id)
    row = await connection.fetchrow(
        f"UPDATE lexicon_version SET active = true WHERE version_id = $1 RETURNING {VERSION}", version_id
    )
    return version_of(_found(row, version_id))


async def _entries(connection: Connection, version_id: int) -> list[Entry]:
    rows = await connection.fetch(
        f"SELECT {ENTRY} FROM version_entry JOIN lexicon_entry USING (entry_id) WHERE version_id = $1 ORDER BY term, "
        "entry_id",
        version_id,
    )
    return await asyncio.to_thread(lambda: [entry_of(row) for row in rows])


def _found(row: asyncpg.Record | None, version_id: int) -> asyncpg.Record:
    if row is None:
        raise VersionNotFound(f"no version lexiconVersions/{version_id}")
    return row


def version_of(row: asyncpg.Record) -> Version:
    fields = {name.strip(): row[name.strip()] for name in VERSION.split(",")}
    return Version(**{**fields, "decisions": tuple(fields["decisions"])})


def entry_of(row: asyncpg.Record) -> Entry:
    fields = {name: row[name] for name in _COLUMNS}
    shared = {name: sys.intern(fields[name]) for name in _FEW_VALUES}
    return Entry(**{**fields, **shared, "aliases": tuple(fields["aliases"])})


def _vectors_by_key(rows: Sequence[asyncpg.Record]) -> dict[Key, Halves]:
    """Rows of one matrix, from pgvector's binary form: four bytes of head, then big-endian half floats."""
    content = b"".join([row["bytes"][4:] for row in rows])
    matrix = np.frombuffer(content, ">f2").astype(np.float16).reshape(-1, DIMENSIONS)
    return {
        (row["domain"], row["term_norm"], row["context_hash"]): vector for row, vector in zip(rows, matrix, strict=True)
    }


def _literal(vector: Matrix) -> str:
    if vector.shape != (DIMENSIONS,):
        raise AlreadyExists(f"a vector of {vector.shape} numbers")
    return f"[{','.join(f'{number:.5g}' for number in vector)}]"
