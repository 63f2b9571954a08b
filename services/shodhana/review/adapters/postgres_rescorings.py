"""Cases to score again, in schema `review`."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from shodhana.api.review.v1 import review_pb2 as pb
from shodhana.runtime.postgres import Connection

from ..domain.canary import KnownAnswer
from ..domain.places import Place
from ..domain.rescoring import CaseToRescore, Fate, Rescored

FORGET_DECIDED = """
DELETE FROM rescorings USING review_cases AS c
WHERE c.case_id = rescorings.case_id AND c.state NOT IN ('pending', 'expert_escalation', 'withdrawn', 'in_review')
"""
TAKE = """
SELECT r.publication_id, c.case_id, c.state, c.fence, c.body, o.body AS original,
    (c.state = 'withdrawn' OR c.passed_text IS NOT NULL OR o.case_id IS NOT NULL) AS is_changed,
    array(SELECT term FROM publication_changes JOIN proposals USING (proposal_id)
        WHERE publication_id = r.publication_id) AS changed_terms
FROM rescorings AS r JOIN review_cases AS c USING (case_id) LEFT JOIN case_originals AS o USING (case_id)
WHERE c.state IN ('pending', 'expert_escalation', 'withdrawn')
    AND r.publication_id = (SELECT max(publication_id) FROM rescorings AS newest WHERE newest.case_id = r.case_id)
ORDER BY r.publication_id, c.rank_at, c.case_id LIMIT $1
"""
UNCHANGED = "SELECT true FROM review_cases WHERE case_id = $1 AND state = $2 AND fence = $3 FOR UPDATE"
KEEP_ORIGINAL = """
INSERT INTO case_originals (case_id, body, suggested_text, suggested_term, suggested_probability)
SELECT case_id, body, suggested_text, suggested_term, suggested_probability FROM review_cases WHERE case_id = $1
ON CONFLICT DO NOTHING
"""
SUGGEST = """
UPDATE review_cases SET body = $2, suggested_text = $3, suggested_term = $4, suggested_probability = $5
WHERE case_id = $1
"""
WAIT = "waiting_state(is_escalated, is_disputed)"
TO_ORIGINAL = f"""
WITH original AS (DELETE FROM case_originals WHERE case_id = $1 RETURNING *)
UPDATE review_cases AS c SET body = coalesce(o.body, c.body), passed_text = NULL, state = {WAIT},
    suggested_text = coalesce(o.suggested_text, c.suggested_text),
    suggested_term = coalesce(o.suggested_term, c.suggested_term),
    suggested_probability = coalesce(o.suggested_probability, c.suggested_probability)
FROM (SELECT $1::bigint AS case_id) AS wanted LEFT JOIN original AS o USING (case_id)
WHERE c.case_id = wanted.case_id
"""
CHANGE = {
    Fate.REFRESHED: "passed_text = NULL",
    Fate.WITHDRAWN: "state = 'withdrawn', passed_text = NULL",
    Fate.SAMPLED: "passed_text = $2",
    Fate.RESTORED: f"state = {WAIT}, passed_text = NULL",
}
KINDS = {Fate.REFRESHED: "refreshed", Fate.WITHDRAWN: "withdrawn", Fate.SAMPLED: "refreshed", Fate.RESTORED: "restored"}


class PostgresRescorings:
    """The port `Rescorings`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def take(self, limit: int) -> list[CaseToRescore]:
        await self._pool.execute(FORGET_DECIDED)
        return [_case(row) for row in await self._pool.fetch(TAKE, limit)]

    async def settle(self, rescored: Sequence[Rescored]) -> None:
        for one in rescored:
            async with self._pool.acquire() as connection, connection.transaction():
                await _settle(connection, one)


class PostgresKnownAnswers:
    """The port `KnownAnswers`: the hidden cases whose answers are known."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def all(self) -> list[KnownAnswer]:
        rows = await self._pool.fetch("SELECT body, right_texts FROM gold_cases ORDER BY gold_id")
        return [
            KnownAnswer(place_of(pb.NewCase.FromString(row["body"])), frozenset(row["right_texts"])) for row in rows
        ]


async def _settle(connection: Connection, one: Rescored) -> None:
    case = one.case
    if not await connection.fetchval(UNCHANGED, case.case_id, case.state, case.fence):
        return
    await connection.execute(
        "DELETE FROM rescorings WHERE case_id = $1 AND publication_id <= $2", case.case_id, case.publication_id
    )
    if one.is_original:
        await connection.execute(TO_ORIGINAL, case.case_id)
    elif one.fate is Fate.KEPT:
        return
    else:
        await _change(connection, one)
    await connection.execute(
        "INSERT INTO outbox (case_id, kind) VALUES ($1, $2::text::event_kind)", case.case_id, KINDS[one.fate]
    )
    column = f"{KINDS[one.fate]}_count"
    await connection.execute(
        f"UPDATE publications SET {column} = {column} + 1 WHERE publication_id = $1", case.publication_id
    )


async def _change(connection: Connection, one: Rescored) -> None:
    case, best = one.case, one.assessment.best
    await connection.execute(KEEP_ORIGINAL, case.case_id)
    if best is not None:
        body = pb.NewCase.FromString(
            await connection.fetchval("SELECT body FROM review_cases WHERE case_id = $1", case.case_id)
        )
        del body.suggestions[:]
        body.suggestions.extend(suggested.message for suggested in one.assessment.suggestions)
        body.lexicon_version = one.version
        await connection.execute(
            SUGGEST, case.case_id, body.SerializeToString(), best.text, best.term, best.probability
        )
    arguments = (best.text if best else "",) if one.fate is Fate.SAMPLED else ()
    await connection.execute(f"UPDATE review_cases SET {CHANGE[one.fate]} WHERE case_id = $1", case.case_id, *arguments)


def place_of(body: pb.NewCase) -> Place:
    """The heard words in their context; by themselves where none was given."""
    if 0 <= body.context_start < body.context_end <= len(body.context):
        return Place(body.context, body.context_start, body.context_end)
    return Place(body.heard, 0, len(body.heard))


def _case(row: asyncpg.Record) -> CaseToRescore:
    body = pb.NewCase.FromString(row["body"])
    return CaseToRescore(
        publication_id=row["publication_id"],
        case_id=row["case_id"],
        state=row["state"],
        fence=row["fence"],
        place=place_of(body),
        suggested=tuple(one.term for one in body.suggestions),
        lexicon_version=(pb.NewCase.FromString(row["original"]) if row["original"] else body).lexicon_version,
        changed_terms=frozenset(row["changed_terms"]),
        is_changed=row["is_changed"],
    )
