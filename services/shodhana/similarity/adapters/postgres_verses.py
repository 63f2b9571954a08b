"""Verses in schema `similarity`."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from shodhana.runtime.postgres import Connection

from ..domain.lexicon import Verse
from ..domain.verses import VerseNotFound, VerseQuery, VerseState

VERSES_LOCK = 7_461_203  # advisory: one writer at a time, so that changed_at grows in the order of commits
VERSE = "source, reference, text, license, verse_id"
_FILTER = "FROM verse WHERE ($1 = '' OR starts_with(reference, $1)) AND ($2 = '' OR source = $2)"


class PostgresVerses:
    """The port `VerseStore`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def verse_state(self) -> VerseState:
        [row] = await self._pool.fetch("SELECT count(*), max(changed_at) FROM verse")
        return VerseState(*row.values())

    async def verses(self) -> list[Verse]:
        return [_verse(row) for row in await self._pool.fetch(f"SELECT {VERSE} FROM verse ORDER BY verse_id")]

    async def list_verses(self, query: VerseQuery) -> list[Verse]:
        rows = await self._pool.fetch(
            f"SELECT {VERSE} {_FILTER} AND verse_id > $3 ORDER BY verse_id LIMIT $4",
            *(query.prefix, query.source, query.after, query.limit),
        )
        return [_verse(row) for row in rows]

    async def count_verses(self, query: VerseQuery) -> int:
        return int(await self._pool.fetchval(f"SELECT count(*) {_FILTER}", query.prefix, query.source))

    async def verse(self, key: str) -> Verse:
        column = "verse_id::text" if key.isdecimal() else "reference"
        row = await self._pool.fetchrow(f"SELECT {VERSE} FROM verse WHERE {column} = $1 ORDER BY verse_id LIMIT 1", key)
        if row is None:
            raise VerseNotFound(f"no verse {key!r}")
        return _verse(row)

    async def replace_verses(self, source_prefix: str, verses: Sequence[Verse]) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            await store_verses(connection, verses)
            kept = [f"{verse.source}\n{verse.reference}" for verse in verses]
            await connection.execute(
                "DELETE FROM verse WHERE starts_with(source, $1) AND source || E'\\n' || reference <> ALL($2)",
                *(source_prefix, kept),
            )


async def store_verses(connection: Connection, verses: Sequence[Verse]) -> None:
    """Adds verses in a transaction, or changes those of the same source and reference; equal ones stay untouched."""
    if not verses:
        return
    await connection.execute("SELECT pg_advisory_xact_lock($1)", VERSES_LOCK)
    await connection.execute(
        "INSERT INTO verse (source, reference, text, license) SELECT source, reference, text, license FROM ("
        "SELECT DISTINCT ON (source, reference) * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) "
        "WITH ORDINALITY AS listed (source, reference, text, license, place) ORDER BY source, reference, place DESC"
        ") AS new ORDER BY place ON CONFLICT (source, reference) DO UPDATE SET text = excluded.text, "
        "license = excluded.license, changed_at = clock_timestamp() "
        "WHERE (verse.text, verse.license) IS DISTINCT FROM (excluded.text, excluded.license)",
        *([getattr(verse, name) for verse in verses] for name in ("source", "reference", "text", "license")),
    )


def _verse(row: asyncpg.Record) -> Verse:
    return Verse(*row.values())
