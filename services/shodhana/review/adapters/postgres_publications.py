"""Publications in schema `review`: a row each, whose state is the last step that was taken."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from shodhana.runtime.postgres import Connection

from ..domain.publications import (
    ALONE,
    CanaryResult,
    Change,
    Effect,
    LexiconVersion,
    Outcome,
    Publication,
    PublicationRecord,
    PublicationState,
)
from ..domain.segment_keys import affected_keys
from .postgres_proposals import AFFECTED, settle

MOST_CHANGES = 50
MOST_DECISIONS = 1000
KINDS = {Effect.ENTRY_ADDED: "entry", Effect.ALIAS_ADDED: "alias", Effect.NONE: "known"}
OPEN = """
SELECT publication_id, request_id::text, state, base_version, lexicon_version, decided_at
FROM publications WHERE state IN ('planned', 'made', 'passed', 'active')
"""
CHANGES = """
SELECT proposal_id, heard, term, domain, gloss, is_removal, resolution = 'approve' AS is_resolved
FROM publication_changes JOIN proposals USING (proposal_id) WHERE publication_id = $1 AND effect <> 'refused'
ORDER BY proposal_id
"""
DECISIONS = """
SELECT case_id, decision_id FROM proposal_supports JOIN publication_changes USING (proposal_id)
WHERE publication_id = $1 AND (is_removal OR withdrawn_at IS NULL) ORDER BY decision_id LIMIT $2
"""
# What was known before, or is spelled so by somebody else's doing, is no version's to take out.
TAKE_OUT_KNOWN = """
UPDATE proposals SET is_live = false, updated_at = now() WHERE state = 'retracting' AND kind = 'known'
RETURNING heard_key
"""
PLAN = """
WITH due AS (
    SELECT proposal_id, state = 'retracting' AS is_removal, is_alone FROM proposals
    WHERE state IN ('approved', 'retracting') ORDER BY is_alone, proposal_id LIMIT $1
), chosen AS (
    SELECT proposal_id, is_removal FROM due
    WHERE NOT is_alone AND EXISTS (SELECT FROM due WHERE NOT is_alone)
        OR proposal_id = (SELECT min(proposal_id) FROM due HAVING bool_and(is_alone))
), completed AS (
    SELECT chosen.proposal_id, greatest(max(s.created_at) FILTER (WHERE s.withdrawn_at IS NULL),
        max(s.withdrawn_at), max(p.resolved_at)) AS decided_at
    FROM chosen JOIN proposals AS p USING (proposal_id) LEFT JOIN proposal_supports AS s USING (proposal_id)
    GROUP BY chosen.proposal_id
), opened AS (
    INSERT INTO publications (decided_at)
    SELECT coalesce(min(decided_at), now()) FROM completed HAVING count(*) > 0
    RETURNING publication_id
)
INSERT INTO publication_changes (publication_id, proposal_id, is_removal)
SELECT publication_id, proposal_id, is_removal FROM opened CROSS JOIN chosen
"""
STEP = "UPDATE publications SET state = $3 WHERE publication_id = $1 AND state = $2 RETURNING true"
KEYS_OF = "SELECT DISTINCT heard_key FROM proposals WHERE proposal_id = ANY($1::bigint[])"
REFUSE = """
UPDATE proposals SET is_alone = false, reason = $2, state = 'refused', updated_at = now(), refused_count = (
    SELECT count(DISTINCT expert) FROM proposal_supports AS s
    WHERE s.proposal_id = proposals.proposal_id AND withdrawn_at IS NULL
) WHERE proposal_id = ANY($1::bigint[])
"""
TRY_ALONE = "UPDATE proposals SET is_alone = true WHERE proposal_id = ANY($1::bigint[])"
WAITED = "SELECT extract(epoch FROM active_at - decided_at)::float8 FROM publications WHERE publication_id = $1"
GO_LIVE = """
UPDATE proposals AS p SET is_live = NOT c.is_removal, is_alone = false, lexicon_version = $2, updated_at = now()
FROM publication_changes AS c
WHERE c.publication_id = $1 AND p.proposal_id = c.proposal_id AND c.effect NOT IN ('refused', 'none')
RETURNING p.heard_key
"""
QUEUE_CASES = f"""
INSERT INTO rescorings (publication_id, case_id) SELECT $2, case_id FROM ({AFFECTED.format(keys="$1")}) AS affected
ON CONFLICT DO NOTHING
"""
FIND = """
SELECT publication_id, state, lexicon_version, reason, canary_count, canary_right_before, canary_right,
    refreshed_count, withdrawn_count, restored_count, file_count, decided_at, created_at, active_at,
    array(SELECT proposal_id FROM publication_changes AS c
        WHERE c.publication_id = p.publication_id AND NOT is_removal ORDER BY 1) AS added,
    array(SELECT proposal_id FROM publication_changes AS c
        WHERE c.publication_id = p.publication_id AND is_removal ORDER BY 1) AS removed
FROM publications AS p WHERE $1::bigint IS NULL OR publication_id < $1 ORDER BY publication_id DESC LIMIT $2
"""


class PostgresPublications:
    """The port `Publications`."""

    def __init__(self, pool: asyncpg.Pool, quorum: int) -> None:
        self._pool = pool
        self._quorum = quorum

    async def open(self) -> Publication | None:
        row = await self._pool.fetchrow(OPEN)
        if row is None:
            return None
        changes = await self._pool.fetch(CHANGES, row["publication_id"])
        decisions = await self._pool.fetch(DECISIONS, row["publication_id"], MOST_DECISIONS)
        return Publication(
            **{**row, "state": PublicationState(row["state"])},
            changes=tuple(Change(**dict(change)) for change in changes),
            decisions=tuple(f"reviewCases/{one['case_id']}/decisions/{one['decision_id']}" for one in decisions),
        )

    async def plan(self) -> bool:
        async with self._pool.acquire() as connection, connection.transaction():
            known = await connection.fetch(TAKE_OUT_KNOWN)
            await settle(connection, (row["heard_key"] for row in known), self._quorum)
            return bool(await connection.execute(PLAN, MOST_CHANGES) != "INSERT 0 0")

    async def made(self, publication: Publication, version: LexiconVersion, outcomes: Sequence[Outcome]) -> None:
        pairs = list(zip(publication.changes, outcomes, strict=True))
        refused = [(change, outcome) for change, outcome in pairs if outcome.effect is Effect.REFUSED]
        changes = any(outcome.effect not in (Effect.REFUSED, Effect.NONE) for _, outcome in pairs)
        after = PublicationState.MADE if changes else PublicationState.DONE
        async with self._pool.acquire() as connection, connection.transaction():
            if not await _step(connection, publication, after):
                return
            await connection.execute(
                "UPDATE publications SET lexicon_version = $2, base_version = $3 WHERE publication_id = $1",
                *(publication.publication_id, version.name if changes else "", version.supersedes if changes else ""),
            )
            await connection.executemany(
                "UPDATE publication_changes SET effect = $3 WHERE publication_id = $1 AND proposal_id = $2",
                [(publication.publication_id, change.proposal_id, outcome.effect.value) for change, outcome in pairs],
            )
            await connection.executemany(
                "UPDATE proposals SET kind = $2 WHERE proposal_id = $1",
                [(change.proposal_id, KINDS[one.effect]) for change, one in pairs if one.effect in KINDS],
            )
            await self._note_unchanged(connection, pairs, version)
            for change, outcome in refused:
                reason = f"“{change.heard}” is a spelling of {', '.join(outcome.rivals)}: an adjudicator has to decide"
                await connection.execute(REFUSE, [change.proposal_id], reason)

    async def _note_unchanged(
        self, connection: Connection, pairs: Sequence[tuple[Change, Outcome]], version: LexiconVersion
    ) -> None:
        """What the lexicon has already, or has no more, is as it should be."""
        unchanged = [change for change, outcome in pairs if outcome.effect is Effect.NONE]
        await connection.executemany(
            "UPDATE proposals SET is_live = $2, lexicon_version = $3, updated_at = now() WHERE proposal_id = $1",
            [(change.proposal_id, not change.is_removal, version.name) for change in unchanged],
        )
        await self._settle(connection, [change.proposal_id for change in unchanged])

    async def passed(self, publication: Publication, result: CanaryResult) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            if await _step(connection, publication, PublicationState.PASSED):
                await _note_canary(connection, publication, result)

    async def refused(self, publication: Publication, reason: str, result: CanaryResult | None) -> None:
        ids = [change.proposal_id for change in publication.changes]
        async with self._pool.acquire() as connection, connection.transaction():
            if not await _step(connection, publication, PublicationState.REFUSED):
                return
            is_together = result is not None and len(ids) > 1
            await connection.execute(
                "UPDATE publications SET reason = $2 WHERE publication_id = $1",
                *(publication.publication_id, f"{reason}; {ALONE}" if is_together else reason),
            )
            if result is not None:
                await _note_canary(connection, publication, result)
            if is_together:
                await connection.execute(TRY_ALONE, ids)
            elif result is not None:
                await connection.execute(REFUSE, ids, reason)

    async def active(self, publication: Publication) -> float:
        keys = frozenset[str]().union(*(affected_keys(one.term, one.heard) for one in publication.changes))
        async with self._pool.acquire() as connection, connection.transaction():
            if await _step(connection, publication, PublicationState.ACTIVE):
                await connection.execute(
                    "UPDATE publications SET active_at = now() WHERE publication_id = $1", publication.publication_id
                )
                await connection.execute(QUEUE_CASES, sorted(keys), publication.publication_id)
                rows = await connection.fetch(GO_LIVE, publication.publication_id, publication.lexicon_version)
                await settle(connection, (row["heard_key"] for row in rows), self._quorum)
            return float(await connection.fetchval(WAITED, publication.publication_id))

    async def done(self, publication: Publication, file_count: int) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            if await _step(connection, publication, PublicationState.DONE):
                await connection.execute(
                    "UPDATE publications SET file_count = $2 WHERE publication_id = $1",
                    *(publication.publication_id, file_count),
                )

    async def find(self, before: int | None, limit: int) -> list[PublicationRecord]:
        return [_record(row) for row in await self._pool.fetch(FIND, before, limit)]

    async def _settle(self, connection: Connection, proposal_ids: Sequence[int]) -> None:
        rows = await connection.fetch(KEYS_OF, list(proposal_ids))
        await settle(connection, (row["heard_key"] for row in rows), self._quorum)


async def _step(connection: Connection, publication: Publication, after: PublicationState) -> bool:
    """Whether the publication was where it was thought to be; then it is one step on."""
    return bool(await connection.fetchval(STEP, publication.publication_id, publication.state.value, after.value))


async def _note_canary(connection: Connection, publication: Publication, result: CanaryResult) -> None:
    await connection.execute(
        "UPDATE publications SET canary_count = $2, canary_right_before = $3, canary_right = $4 "
        "WHERE publication_id = $1",
        *(publication.publication_id, result.count, result.right_before, result.right),
    )


def _record(row: asyncpg.Record) -> PublicationRecord:
    return PublicationRecord(
        **{
            **row,
            "state": PublicationState(row["state"]),
            "added": tuple(row["added"]),
            "removed": tuple(row["removed"]),
        }
    )
