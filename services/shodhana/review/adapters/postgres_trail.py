"""The audit trail and the lessons in schema `review`, both written by the database itself as the outbox is emptied."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from ..domain.cases import Verdict
from ..domain.trail import CaseEvent, EventKind, EventQuery, Lesson

EVENTS = """
SELECT event_id, kind, case_id, actor, decision_id, created_at FROM case_events
WHERE ($1::bigint IS NULL OR case_id = $1) AND ($2 = '' OR actor = $2)
    AND ($3::text[] = '{}' OR kind = ANY($3::event_kind[])) AND ($4::bigint IS NULL OR event_id < $4)
ORDER BY event_id DESC LIMIT $5
"""
TAKE = """
SELECT l.event_id, l.kind, l.case_id, l.decision_id, d.verdict, c.domain, c.heard, d.decided_text AS corrected,
    d.decided_term AS entry, d.expert, d.was_disputed AS is_adjudication, c.body, l.created_at
FROM lessons AS l JOIN review_cases AS c USING (case_id) JOIN expert_decisions AS d USING (decision_id)
ORDER BY l.event_id LIMIT $1 FOR UPDATE OF l SKIP LOCKED
"""


@dataclass(frozen=True, slots=True)
class PostgresTrail:
    """The ports `Trail` and `Lessons`."""

    pool: asyncpg.Pool

    async def events(self, query: EventQuery) -> list[CaseEvent]:
        kinds = [kind.value for kind in query.kinds]
        rows = await self.pool.fetch(EVENTS, query.case_id, query.actor, kinds, query.before, query.limit)
        return [CaseEvent(**{**row, "kind": EventKind(row["kind"])}) for row in rows]

    @asynccontextmanager
    async def take(self, limit: int) -> AsyncIterator[Sequence[Lesson]]:
        async with self.pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(TAKE, limit)
            yield [
                Lesson(**{**row, "kind": EventKind(row["kind"]), "verdict": Verdict(row["verdict"])}) for row in rows
            ]
            await connection.execute(
                "DELETE FROM lessons WHERE event_id = ANY($1::bigint[])", [row["event_id"] for row in rows]
            )
