"""Versions made from what experts decided: beside the version before only what changes is written."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

import asyncpg

from shodhana.runtime.audit import transaction_of_caller
from shodhana.runtime.postgres import Connection
from shodhana.text.fold import popular_fold

from ..domain.amendment import Amended, Amendment, Change, Touched, amended, check
from ..domain.lexicon import LexiconEmpty, Version, content_hash_of
from .postgres_store import ENTRY, LEXICON_LOCK, VERSION, entry_of, records_of, store_entries, version_of

SHARE = """
INSERT INTO version_entry SELECT $1, entry_id FROM version_entry JOIN lexicon_entry USING (entry_id)
WHERE version_id = $2 AND content_hash <> ALL($3::bytea[])
"""
OWNERS = """
SELECT DISTINCT form.term_norm, entry.term FROM lexicon_form AS form
JOIN version_entry USING (entry_id) JOIN lexicon_entry AS entry USING (entry_id)
WHERE form.term_norm = ANY($1::text[]) AND version_entry.version_id = $2
"""
HASHES = "SELECT content_hash FROM version_entry JOIN lexicon_entry USING (entry_id) WHERE version_id = $1"


class PostgresAmendments:
    """The port `Amendments`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def amend(self, amendment: Amendment) -> Amended:
        check(amendment.changes)
        async with transaction_of_caller(self._pool) as connection:
            await connection.execute("SELECT pg_advisory_xact_lock($1)", LEXICON_LOCK)
            known = await _version(connection, "request_id = $1", amendment.request_id)
            if known is not None and known.supersedes is not None:  # what it did follows from what it was made from
                touched = await _touched(connection, known.supersedes, amendment.changes)
                return Amended(known, touched.outcomes)
            base = await _version(connection, "active AND $1::text IS NULL", None)
            if base is None:
                raise LexiconEmpty("no lexicon version is active: import one")
            touched = await _touched(connection, base.version_id, amendment.changes)
            if not touched.removed and not touched.added:
                return Amended(base, touched.outcomes)
            return Amended(await _make(connection, base, amendment, touched), touched.outcomes)


async def _make(connection: Connection, base: Version, amendment: Amendment, touched: Touched) -> Version:
    number = await connection.fetchval(
        "INSERT INTO lexicon_version (entry_count, supersedes, description, creator, content_hash, request_id, "
        "decisions) VALUES (0, $1, $2, $3, '', $4, $5) RETURNING version_id",
        *(base.version_id, amendment.description, amendment.creator, amendment.request_id, list(amendment.decisions)),
    )
    await connection.execute(SHARE, number, base.version_id, [entry.content_hash for entry in touched.removed])
    await store_entries(connection, number, await asyncio.to_thread(records_of, touched.added))
    hashes = [row["content_hash"] for row in await connection.fetch(HASHES, number)]
    content_hash = await asyncio.to_thread(content_hash_of, hashes)
    row = await connection.fetchrow(
        f"UPDATE lexicon_version SET entry_count = $2, content_hash = $3 WHERE version_id = $1 RETURNING {VERSION}",
        *(number, len(hashes), content_hash),
    )
    assert row is not None  # it was inserted above
    return version_of(row)


async def _touched(connection: Connection, base: int, changes: Sequence[Change]) -> Touched:
    rows = await connection.fetch(
        f"SELECT {ENTRY} FROM lexicon_entry JOIN version_entry USING (entry_id) "
        "WHERE term = ANY($1::text[]) AND version_id = $2 ORDER BY entry_id",
        *([change.term for change in changes], base),
    )
    owners = defaultdict(set)
    for row in await connection.fetch(OWNERS, [popular_fold(change.heard) for change in changes], base):
        owners[row["term_norm"]].add(row["term"])
    frozen = {fold: frozenset(terms) for fold, terms in owners.items()}
    return amended([entry_of(row) for row in rows], frozen, changes)


async def _version(connection: Connection, condition: str, argument: str | None) -> Version | None:
    row = await connection.fetchrow(f"SELECT {VERSION} FROM lexicon_version WHERE {condition}", argument)
    return None if row is None else version_of(row)
