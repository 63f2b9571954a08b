"""Proposals in schema `review`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import asyncpg

from shodhana.runtime.postgres import Connection
from shodhana.text.fold import popular_fold

from ..domain.errors import NothingToPublish, ProposalNotFound, RequestIdReused
from ..domain.proposals import (
    DecidedPair,
    Pair,
    Proposal,
    ProposalQuery,
    ProposalState,
    Reach,
    Resolution,
    Standing,
    Support,
    settled,
    taught,
)
from ..domain.segment_keys import affected_keys, same_words_key
from ..domain.trail import Lesson

MOST_GLOSS = 500
MOST_SUPPORTS = 100
SAMPLE = 20
PROPOSE = """
INSERT INTO proposals (heard_key, heard, term, domain, gloss) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (heard_key, term) DO UPDATE
SET gloss = CASE WHEN proposals.gloss = '' THEN excluded.gloss ELSE proposals.gloss END
RETURNING proposal_id
"""
# Whether the decision stands is asked of the decision itself, so that lessons may come in any order, and twice.
SUPPORT = """
INSERT INTO proposal_supports (decision_id, proposal_id, case_id, expert, is_adjudication, created_at, withdrawn_at)
SELECT decision_id, $2, case_id, expert, was_disputed, created_at, undone_at
FROM expert_decisions WHERE decision_id = $1
ON CONFLICT (decision_id) DO UPDATE SET withdrawn_at = excluded.withdrawn_at
"""
STANDINGS = """
SELECT p.proposal_id, p.term, p.is_live, count(DISTINCT s.expert) AS expert_count, p.resolution, p.refused_count,
    greatest(max(s.created_at) FILTER (WHERE s.is_adjudication),
        CASE WHEN p.resolution = 'approve' THEN p.resolved_at END) AS settled_at
FROM proposals AS p LEFT JOIN proposal_supports AS s ON s.proposal_id = p.proposal_id AND s.withdrawn_at IS NULL
WHERE p.heard_key = $1 GROUP BY p.proposal_id
"""
SETTLE = """
UPDATE proposals SET state = $2, reason = CASE WHEN $3 <> '' THEN $3 WHEN $2 = 'refused' THEN reason ELSE '' END,
    refused_count = CASE WHEN $2 = 'refused' THEN refused_count END, updated_at = now()
WHERE proposal_id = $1 AND (state <> $2 OR $3 <> '' AND reason <> $3)
"""
SHOWN = """
SELECT p.proposal_id, p.heard, p.term, p.domain, p.gloss, p.state, p.kind, p.reason, p.lexicon_version, p.resolution,
    p.resolver, p.created_at, p.updated_at, (
        SELECT count(DISTINCT expert) FROM proposal_supports AS s
        WHERE s.proposal_id = p.proposal_id AND withdrawn_at IS NULL
    ) AS expert_count
FROM proposals AS p
"""
SUPPORTS = """
SELECT proposal_id, decision_id, case_id, expert, is_adjudication, created_at FROM (
    SELECT *, row_number() OVER (PARTITION BY proposal_id ORDER BY decision_id) AS place
    FROM proposal_supports WHERE proposal_id = ANY($1::bigint[]) AND withdrawn_at IS NULL
) AS ranked WHERE place <= $2 ORDER BY decision_id
"""
AFFECTED = """
SELECT DISTINCT case_id FROM segment_term JOIN review_cases AS c USING (case_id)
WHERE term_key = ANY({keys}::text[]) AND c.family_id IS NULL AND c.gold_id IS NULL
    AND NOT c.is_outright AND c.state IN ('pending', 'in_review', 'expert_escalation', 'withdrawn')
"""
REACH = f"""
SELECT c.case_id, EXISTS (SELECT FROM segment_term AS s WHERE s.case_id = c.case_id AND s.term_key = $2) AS is_same
FROM review_cases AS c WHERE c.case_id IN ({AFFECTED.format(keys="$1")}) ORDER BY c.rank_at, c.case_id
"""
PAIRS = """
SELECT p.proposal_id, p.heard, p.term, count(DISTINCT s.expert) AS expert_count,
    EXISTS (SELECT FROM proposals AS other JOIN proposal_supports AS o USING (proposal_id)
        WHERE other.heard_key = p.heard_key AND other.proposal_id <> p.proposal_id AND o.withdrawn_at IS NULL)
        AS is_disputed,
    coalesce(avg(c.suggested_probability) FILTER (WHERE NOT c.is_outright), 0)::float8 AS suggested_probability
FROM proposals AS p JOIN proposal_supports AS s USING (proposal_id) JOIN review_cases AS c USING (case_id)
WHERE s.withdrawn_at IS NULL AND p.resolution <> 'reject' AND p.proposal_id > $1
GROUP BY p.proposal_id ORDER BY p.proposal_id LIMIT $2
"""
RESOLVE = """
WITH noted AS (
    INSERT INTO proposal_resolutions (request_id, proposal_id, resolution, resolver) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING RETURNING proposal_id
)
UPDATE proposals SET resolution = $3, resolver = $4, resolved_at = now(), refused_count = NULL, reason = '',
    updated_at = now()
FROM noted WHERE proposals.proposal_id = noted.proposal_id RETURNING heard_key
"""
RESOLVED_BEFORE = "SELECT proposal_id, resolution, resolver FROM proposal_resolutions WHERE request_id = $1"


class PostgresProposals:
    """The port `Proposals`."""

    def __init__(self, pool: asyncpg.Pool, quorum: int) -> None:
        self._pool = pool
        self._quorum = quorum

    async def absorb(self, lessons: Sequence[Lesson]) -> None:
        pairs = [(lesson, pair) for lesson in lessons if (pair := taught(lesson)) is not None and pair.heard_key]
        if not pairs:
            return
        async with self._pool.acquire() as connection, connection.transaction():
            for lesson, pair in pairs:
                await _note(connection, lesson, pair)
            await settle(connection, (pair.heard_key for _, pair in pairs), self._quorum)

    async def find(self, query: ProposalQuery) -> list[Proposal]:
        states = [state.value for state in query.states]
        rows = await self._pool.fetch(
            f"{SHOWN} WHERE ($1::text[] = '{{}}' OR p.state = ANY($1)) AND ($2 = '' OR p.heard_key = $2) "
            "AND ($3::bigint IS NULL OR p.proposal_id < $3) ORDER BY p.proposal_id DESC LIMIT $4",
            *(states, popular_fold(query.heard), query.before, query.limit),
        )
        return await self._with_supports([as_proposal(row) for row in rows])

    async def proposal(self, proposal_id: int) -> Proposal:
        row = await self._pool.fetchrow(f"{SHOWN} WHERE p.proposal_id = $1", proposal_id)
        if row is None:
            raise ProposalNotFound(f"no proposal lexiconProposals/{proposal_id}")
        return (await self._with_supports([as_proposal(row)]))[0]

    async def resolve(self, proposal_id: int, resolution: Resolution, resolver: str, request_id: str) -> Proposal:
        found = await self.proposal(proposal_id)
        if resolution is Resolution.APPROVE and not found.term:
            raise NothingToPublish(f"lexiconProposals/{proposal_id} has no term to publish")
        wanted = (proposal_id, resolution.value, resolver)
        async with self._pool.acquire() as connection, connection.transaction():
            heard_key = await connection.fetchval(RESOLVE, request_id, *wanted)
            if heard_key is not None:
                await settle(connection, [heard_key], self._quorum)
            else:
                known = await connection.fetchrow(RESOLVED_BEFORE, request_id)
                if known is None or tuple(known.values()) != wanted:
                    raise RequestIdReused(f"request id {request_id} settled another proposal, or otherwise")
        return await self.proposal(proposal_id)

    async def reach(self, proposal: Proposal) -> Reach:
        keys = sorted(affected_keys(proposal.term, proposal.heard))
        rows = await self._pool.fetch(REACH, keys, same_words_key(proposal.heard))
        same = sum(row["is_same"] for row in rows)
        return Reach(len(rows), same, tuple(row["case_id"] for row in rows[:SAMPLE]))

    async def pairs(self, after: int, limit: int) -> list[DecidedPair]:
        return [DecidedPair(**dict(row)) for row in await self._pool.fetch(PAIRS, after, limit)]

    async def _with_supports(self, proposals: list[Proposal]) -> list[Proposal]:
        rows = await self._pool.fetch(SUPPORTS, [one.proposal_id for one in proposals], MOST_SUPPORTS)
        found: dict[int, list[Support]] = {}
        for row in rows:
            fields = dict(row)
            found.setdefault(fields.pop("proposal_id"), []).append(Support(**fields))
        return [replace(one, supports=tuple(found.get(one.proposal_id, ()))) for one in proposals]


async def settle(connection: Connection, heard_keys: Iterable[str], quorum: int) -> None:
    """Brings the states of all proposals for some heard words up to date."""
    for heard_key in sorted(set(heard_keys)):
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 7461))", heard_key)
        rows = await connection.fetch(STANDINGS, heard_key)
        for proposal_id, (state, reason) in settled([_standing(row) for row in rows], quorum).items():
            await connection.execute(SETTLE, proposal_id, state.value, reason)


async def _note(connection: Connection, lesson: Lesson, pair: Pair) -> None:
    gloss = " ".join(lesson.comment.split())[:MOST_GLOSS] if pair.term else ""
    proposal_id = await connection.fetchval(PROPOSE, pair.heard_key, pair.heard, pair.term, lesson.domain, gloss)
    await connection.execute(SUPPORT, lesson.decision_id, proposal_id)


def as_proposal(row: asyncpg.Record) -> Proposal:
    return Proposal(
        **{
            **row,
            "state": ProposalState(row["state"]),
            "resolution": Resolution(row["resolution"]) if row["resolution"] else None,
        }
    )


def _standing(row: asyncpg.Record) -> Standing:
    return Standing(**{**row, "resolution": Resolution(row["resolution"]) if row["resolution"] else None})
