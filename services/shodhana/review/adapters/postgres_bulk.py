"""Bulk decisions in schema `review`."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from ..domain.bulk import MOST_CASES, SHOWN, BulkAnswer, BulkDecision, BulkPreview, BulkQuery, ReachedCase, reach_of
from ..domain.cases import Verdict
from ..domain.errors import BulkDecisionNotFound, PreviewExpired, RequestIdReused, UndoWindowClosed
from . import retractions
from .postgres_cases import PostgresCases

GOOD_FOR_S = 900.0
# Second reads and cases whose answer is known are decided one by one.
MATCHES = """
FROM review_cases WHERE state = $1 AND family_id IS NULL AND gold_id IS NULL AND NOT fresh_only
    AND ($2 = '' OR lower(heard) = lower($2)) AND ($3 = '' OR filename = $3)
    AND ($4::text[] = '{}' OR domain = ANY($4)) AND ($5 = '' OR suggested_term = $5) AND suggested_probability >= $6
    AND (NOT $7::boolean OR suggested_text <> '')
"""
FOUND = f"SELECT case_id, domain, filename, heard, suggested_text {MATCHES} ORDER BY rank_at, case_id LIMIT $8"
HELD_COUNT = f"SELECT count(*) {MATCHES}"
# Of an expert's previews that were not carried out, the last keeps its list.
KEEP = """
WITH emptied AS (
    UPDATE bulk_decisions SET case_ids = '{}', expires_at = now()
    WHERE expert = $1 AND applied_at IS NULL AND expires_at > now()
)
INSERT INTO bulk_decisions (expert, verdict, decision_type, decided_text, decided_term, comment, case_ids, expires_at)
VALUES ($1, $2::text::verdict, $3::text::decision_type, $4, $5, $6, $7, now() + make_interval(secs => $8))
RETURNING bulk_id::text, expires_at
"""
# Parameters: preview, expert, request. A decision of its own for each case that still waits.
APPLY = """
WITH bulk AS (
    UPDATE bulk_decisions SET applied_at = now(), apply_request_id = $3
    WHERE bulk_id = $1 AND expert = $2 AND applied_at IS NULL AND expires_at > now()
    RETURNING *
), waiting AS (
    SELECT c.case_id FROM bulk JOIN review_cases AS c ON c.case_id = ANY(bulk.case_ids)
    WHERE c.state = 'pending' AND NOT c.fresh_only ORDER BY c.case_id FOR UPDATE OF c SKIP LOCKED
), fenced AS (
    UPDATE review_cases AS c SET state = CASE bulk.verdict WHEN 'reject' THEN 'rejected' ELSE 'approved' END,
        fence = c.fence + 1
    FROM waiting, bulk WHERE c.case_id = waiting.case_id
    RETURNING c.*
), decided AS (
    INSERT INTO expert_decisions (case_id, fence, request_id, verdict, decision_type, decided_text, decided_term,
        comment, expert, state_after, was_escalated, family_id, rank_before, bulk_id)
    SELECT c.case_id, c.fence, gen_random_uuid(), bulk.verdict, bulk.decision_type,
        CASE bulk.verdict WHEN 'accept' THEN c.suggested_text ELSE bulk.decided_text END,
        CASE bulk.verdict WHEN 'accept' THEN c.suggested_term ELSE bulk.decided_term END,
        bulk.comment, bulk.expert, c.state, c.is_escalated,
        CASE WHEN c.reads_wanted > 1 THEN c.case_id END, c.rank_at, bulk.bulk_id
    FROM fenced AS c CROSS JOIN bulk
    RETURNING decision_id, case_id, expert
), told AS (
    INSERT INTO outbox (case_id, kind, actor, decision_id) SELECT case_id, 'decided', expert, decision_id FROM decided
)
SELECT count(*) FROM decided
"""
OUTCOME = """
SELECT b.bulk_id::text, b.applied_at, b.expires_at <= now() AS is_expired,
    count(d.decision_id) AS decided, cardinality(b.case_ids) - count(d.decision_id) AS missed,
    count(d.undone_at) AS undone
FROM bulk_decisions AS b LEFT JOIN expert_decisions AS d USING (bulk_id)
WHERE b.bulk_id = $1 AND b.expert = $2 GROUP BY b.bulk_id
"""
IS_CLOSED = "SELECT applied_at <= now() - make_interval(secs => $2) FROM bulk_decisions WHERE bulk_id = $1"


@dataclass(frozen=True, slots=True)
class PostgresBulkDecisions:
    """The port `BulkDecisions`."""

    pool: asyncpg.Pool

    async def preview(self, query: BulkQuery, answer: BulkAnswer) -> BulkPreview:
        conditions = (query.heard, query.filename, list(query.domains), query.suggested_term, query.min_probability)
        accepts = answer.verdict is Verdict.ACCEPT
        rows = await self.pool.fetch(FOUND, "pending", *conditions, accepts, MOST_CASES + 1)
        held_count = await self.pool.fetchval(HELD_COUNT, "in_review", *conditions, accepts)
        found = [ReachedCase(*row.values()) for row in rows]
        kept = await self.pool.fetchrow(
            KEEP,
            *(answer.expert, answer.verdict.value, answer.decision_type, answer.decided_text, answer.decided_term),
            *(answer.comment, [case.case_id for case in found[:MOST_CASES]], GOOD_FOR_S),
        )
        assert kept is not None  # RETURNING
        sample = await PostgresCases(self.pool).cases([case.case_id for case in found[:SHOWN]])
        return BulkPreview(kept["bulk_id"], reach_of(found, held_count, answer), tuple(sample), kept["expires_at"])

    async def apply(self, bulk_id: str, expert: str, request_id: str) -> BulkDecision:
        try:
            await self.pool.fetchval(APPLY, bulk_id, expert, request_id)
        except asyncpg.UniqueViolationError as error:
            raise RequestIdReused(f"request id {request_id} applied another preview") from error
        return await self._outcome(bulk_id, expert)

    async def undo(self, bulk_id: str, expert: str, window_s: float) -> BulkDecision:
        undone = await self.pool.fetchval(retractions.UNDO_BULK, bulk_id, expert, window_s)
        outcome = await self._outcome(bulk_id, expert)
        if not undone and not outcome.undone_count and await self.pool.fetchval(IS_CLOSED, bulk_id, window_s):
            raise UndoWindowClosed(f"bulkDecisions/{bulk_id} is too old to be undone")
        return outcome

    async def _outcome(self, bulk_id: str, expert: str) -> BulkDecision:
        row = await self.pool.fetchrow(OUTCOME, bulk_id, expert)
        if row is None:
            raise BulkDecisionNotFound(f"no bulkPreviews/{bulk_id} of yours")
        if row["applied_at"] is None:
            raise PreviewExpired(f"bulkPreviews/{bulk_id} is too old, or a newer one took its place: preview again")
        return BulkDecision(bulk_id, row["applied_at"], row["decided"], row["missed"], row["undone"])
