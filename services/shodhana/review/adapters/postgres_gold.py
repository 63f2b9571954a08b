"""Cases with known answers in schema `review`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import astuple, dataclass

import asyncpg

from ..domain.cases import Case, Claim, Lease
from ..domain.errors import RequestIdReused
from ..domain.gold import GoldCase, NewGoldCase
from .postgres_figures import IS_RIGHT, STANDS
from .rows import COLUMNS, LAST_DECISION, as_case

ADD_BATCH = "INSERT INTO batches (batch_id, content_digest) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING true"
ADD = """
INSERT INTO gold_cases (domain, heard, filename, body, suggested_text, suggested_term, right_texts, copies, batch_id,
    batch_position)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
# Parameters: domains, expert, lease, claim, times. Position 0 of a claim is the gold case's: a repeated claim gets none
# beside it.
HAND_OUT = f"""
WITH asked AS (
    SELECT coalesce(nullif($1::text[], '{{}}'), (SELECT nullif(domains, '{{}}') FROM preferences WHERE expert = $2),
        ARRAY['spiritual', 'philosophical', 'scriptural', 'general']) AS domains
), chosen AS (
    SELECT g.* FROM gold_cases AS g, asked
    WHERE g.domain = ANY(asked.domains)
        AND NOT EXISTS (SELECT FROM review_cases WHERE claim_id = $4 AND claim_position = 0)
        AND NOT EXISTS (SELECT FROM gold_readers AS r WHERE r.gold_id = g.gold_id AND r.expert = $2)
        AND (SELECT count(*) FROM gold_readers AS r WHERE r.gold_id = g.gold_id) < g.copies
    ORDER BY g.gold_id LIMIT 1
), noted AS (
    INSERT INTO gold_readers (gold_id, expert) SELECT gold_id, $2 FROM chosen ON CONFLICT DO NOTHING RETURNING gold_id
), taken AS (
    INSERT INTO review_cases (state, domain, rank_at, due_at, created_at, filename, heard, body, suggested_text,
        suggested_term, gold_id, fence, holder, claim_id, claim_position, claimed_at, lease_until)
    SELECT 'in_review', chosen.domain, coalesce($5, next.rank_at, now()), coalesce($6, next.due_at, now()),
        coalesce($7, next.created_at, now()), chosen.filename, chosen.heard, chosen.body, chosen.suggested_text,
        chosen.suggested_term, chosen.gold_id, 1, $2, $4, 0, now(), now() + make_interval(secs => $3)
    FROM chosen JOIN noted USING (gold_id) LEFT JOIN LATERAL (
        SELECT rank_at, due_at, created_at FROM review_cases
        WHERE state = 'pending' AND domain = chosen.domain AND NOT fresh_only ORDER BY rank_at, case_id LIMIT 1
    ) AS next ON true
    RETURNING *
), told AS (
    INSERT INTO outbox (case_id, kind, actor) SELECT case_id, 'claimed', $2 FROM taken
)
SELECT {COLUMNS} FROM taken AS c {LAST_DECISION}
"""
FIND = f"""
SELECT g.gold_id, g.heard, g.domain, g.right_texts, g.copies AS copy_count,
    count(d.decision_id) FILTER (WHERE {STANDS}) AS decision_count,
    count(d.decision_id) FILTER (WHERE {STANDS} AND {IS_RIGHT}) AS right_count, g.created_at
FROM gold_cases AS g LEFT JOIN review_cases AS c USING (gold_id) LEFT JOIN expert_decisions AS d USING (case_id)
WHERE $1::bigint IS NULL OR g.gold_id < $1 GROUP BY g.gold_id ORDER BY g.gold_id DESC LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class PostgresGoldCases:
    """The port `GoldCases`."""

    pool: asyncpg.Pool

    async def add(self, cases: Sequence[NewGoldCase], request_id: str) -> list[int]:
        digest = hashlib.sha256(repr([astuple(case) for case in cases]).encode()).digest()
        async with self.pool.acquire() as connection, connection.transaction():
            if await connection.fetchval(ADD_BATCH, request_id, digest):
                await connection.executemany(
                    ADD, [(*_columns(case), request_id, i) for i, case in enumerate(cases, start=1)]
                )
        known = await self.pool.fetchval("SELECT content_digest FROM batches WHERE batch_id = $1", request_id)
        if known != digest:
            raise RequestIdReused(f"request id {request_id} came with other cases before")
        rows = await self.pool.fetch(
            "SELECT gold_id FROM gold_cases WHERE batch_id = $1 ORDER BY batch_position", request_id
        )
        return [row["gold_id"] for row in rows]

    async def hand_out(self, claim: Claim, like: Case | None = None) -> tuple[Case, Lease] | None:
        times = (like.rank_at, like.due_at, like.created_at) if like else (None, None, None)
        arguments = (list(claim.domains), claim.expert, claim.lease_s, claim.claim_id)
        try:
            row = await self.pool.fetchrow(HAND_OUT, *arguments, *times)
        except asyncpg.UniqueViolationError:
            return None  # the same claim ran at the same time
        return None if row is None else (as_case(row), Lease(row["case_id"], row["fence"], row["lease_until"]))

    async def find(self, before: int | None, limit: int) -> list[GoldCase]:
        rows = await self.pool.fetch(FIND, before, limit)
        return [GoldCase(**{**row, "right_texts": tuple(row["right_texts"])}) for row in rows]


def _columns(gold: NewGoldCase) -> tuple[object, ...]:
    case = gold.case
    return (
        *(case.domain, case.heard, case.filename, case.body, case.suggestion.text, case.suggestion.term),
        *(list(gold.right_texts), gold.copies),
    )
