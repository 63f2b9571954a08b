"""The audit trail and the lessons in schema `review`, both written by the database itself as the outbox is emptied."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from shodhana.runtime.standby import Readable

from ..domain.cases import Verdict
from ..domain.trail import CaseEvent, EventKind, EventQuery, Lesson

EVENT = "event_id, kind, case_id, actor, decision_id, created_at"
TAKE = """
SELECT l.event_id, l.kind, l.case_id, l.decision_id, d.verdict, c.domain, c.heard, d.decided_text AS corrected,
    d.decided_term AS entry, d.expert, d.was_disputed AS is_adjudication, c.body, l.created_at,
    d.decision_type, d.comment
FROM lessons AS l JOIN review_cases AS c USING (case_id) JOIN expert_decisions AS d USING (decision_id)
ORDER BY l.event_id LIMIT $1 FOR UPDATE OF l SKIP LOCKED
"""


@dataclass(frozen=True, slots=True)
class PostgresTrail:
    """The ports `Trail` and `Lessons`."""

    pool: asyncpg.Pool
    reads: Readable

    async def events(self, query: EventQuery) -> list[CaseEvent]:
        conditions, arguments = ["true"], []
        wanted = {
            "case_id = ${}": query.case_id,
            "actor = ${}": query.actor or None,
            "kind = ANY(${}::text[]::event_kind[])": [kind.value for kind in query.kinds] or None,
            "event_id < ${}": query.before,
        }
        for condition, value in wanted.items():
            if value is not None:  # only what is asked for, so that an index can serve it
                arguments.append(value)
                conditions.append(condition.format(len(arguments)))
        rows = await self.reads.fetch(
            f"SELECT {EVENT} FROM case_events WHERE {' AND '.join(conditions)} "
            f"ORDER BY event_id DESC LIMIT {int(query.limit)}",
            *arguments,
        )
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
