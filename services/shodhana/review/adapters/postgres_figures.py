"""Counts and rates of the queue, from its tables."""

from __future__ import annotations

import asyncpg

from ..domain.queue import ExpertStatistics, State, Statistics

DOMAINS = ("spiritual", "philosophical", "scriptural", "general")


class PostgresFigures:
    """What the port `ReviewQueue` says of the queue as a whole."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def counts(self) -> dict[State, int]:
        rows = await self._pool.fetch("SELECT state, count(*) AS count FROM review_cases GROUP BY state")
        found = {State(row["state"]): row["count"] for row in rows}
        return {state: found.get(state, 0) for state in State}

    async def pending_by_domain(self) -> dict[str, int]:
        rows = await self._pool.fetch(
            "SELECT domain, count(*) AS count FROM review_cases WHERE state = 'pending' GROUP BY domain"
        )
        return dict.fromkeys(DOMAINS, 0) | {row["domain"]: row["count"] for row in rows}

    async def statistics(self, days: int) -> Statistics:
        queue = await self._pool.fetchrow(
            "SELECT now() - min(created_at) AS oldest, count(*) FILTER (WHERE due_at < now()) AS overdue "
            "FROM review_cases WHERE state = 'pending'"
        )
        experts = await self._pool.fetch(
            "SELECT expert, count(*) AS decided, count(*) FILTER (WHERE verdict = 'accept') AS accepted, "
            "count(*) FILTER (WHERE verdict = 'correct') AS corrected, "
            "count(*) FILTER (WHERE verdict = 'reject') AS rejected, percentile_cont(0.5) WITHIN GROUP "
            "(ORDER BY extract(epoch FROM created_at - claimed_at)) AS median_s FROM expert_decisions "
            "WHERE undone_at IS NULL AND verdict IN ('accept', 'correct', 'reject') "
            "AND created_at > now() - make_interval(days => $1) GROUP BY expert ORDER BY decided DESC, expert",
            days,
        )
        decided = await self._pool.fetch(
            "SELECT domain, count(*) AS count FROM expert_decisions JOIN review_cases USING (case_id) "
            "WHERE undone_at IS NULL AND verdict IN ('accept', 'correct', 'reject') "
            "AND expert_decisions.created_at > now() - make_interval(days => $1) "
            "GROUP BY domain",
            days,
        )
        by_domain = {row["domain"]: row["count"] for row in decided}
        pending = await self.pending_by_domain()
        return Statistics(
            counts=await self.counts(),
            oldest_pending=queue["oldest"] if queue else None,
            overdue_count=queue["overdue"] if queue else 0,
            experts=tuple(ExpertStatistics(*row.values()) for row in experts),
            domains={domain: (pending[domain], by_domain.get(domain, 0)) for domain in DOMAINS},
        )
