"""Counts and rates of the queue, from its tables."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import asyncpg

from shodhana.runtime.standby import Readable

from ..domain.cases import DOMAINS, State
from ..domain.figures import (
    AGE_BANDS,
    DayFigures,
    DomainFigures,
    ExpertFigures,
    Statistics,
    Waiting,
    krippendorff_alpha,
)

FINAL = "('accept', 'correct', 'reject')"
STANDS = f"d.undone_at IS NULL AND d.verdict IN {FINAL}"
IN_PERIOD = "d.created_at > now() - make_interval(days => $1)"
IS_RIGHT = "CASE WHEN g.right_texts = '{}' THEN d.verdict = 'reject' ELSE d.decided_text = ANY(g.right_texts) END"
# The other read stands beside a read; what an adjudicator said stands above both.
EXPERTS = f"""
SELECT d.expert,
    count(*) FILTER (WHERE {STANDS}),
    count(*) FILTER (WHERE {STANDS} AND d.verdict = 'accept'),
    count(*) FILTER (WHERE {STANDS} AND d.verdict = 'correct'),
    count(*) FILTER (WHERE {STANDS} AND d.verdict = 'reject'),
    count(*) FILTER (WHERE d.undone_at IS NULL AND d.verdict = 'skip'),
    count(*) FILTER (WHERE d.undone_at IS NULL AND d.verdict = 'escalate'),
    count(*) FILTER (WHERE d.undone_at IS NOT NULL AND d.verdict IN {FINAL}),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM d.created_at - d.claimed_at))
        FILTER (WHERE {STANDS}),
    count(*) FILTER (WHERE {STANDS} AND d.created_at <= c.due_at),
    count(*) FILTER (WHERE {STANDS} AND other.text IS NOT NULL),
    count(*) FILTER (WHERE {STANDS} AND other.text = d.decided_text),
    count(*) FILTER (WHERE {STANDS} AND NOT d.was_disputed AND ruling.text <> d.decided_text),
    count(*) FILTER (WHERE {STANDS} AND g.gold_id IS NOT NULL),
    count(*) FILTER (WHERE {STANDS} AND g.gold_id IS NOT NULL AND {IS_RIGHT})
FROM expert_decisions AS d JOIN review_cases AS c USING (case_id) LEFT JOIN gold_cases AS g USING (gold_id)
LEFT JOIN LATERAL (
    SELECT o.decided_text AS text FROM expert_decisions AS o
    WHERE o.family_id = d.family_id AND o.case_id <> d.case_id AND NOT d.was_disputed AND NOT o.was_disputed
        AND o.undone_at IS NULL AND o.verdict IN {FINAL} LIMIT 1
) AS other ON d.family_id IS NOT NULL
LEFT JOIN LATERAL (
    SELECT o.decided_text AS text FROM expert_decisions AS o
    WHERE o.family_id = d.family_id AND o.was_disputed AND o.undone_at IS NULL AND o.verdict IN {FINAL} LIMIT 1
) AS ruling ON d.family_id IS NOT NULL
WHERE {IN_PERIOD} GROUP BY d.expert ORDER BY 2 DESC, 1
"""
WAITING = """
SELECT domain, count(*) FILTER (WHERE state = 'pending') AS pending,
    count(*) FILTER (WHERE state = 'pending' AND due_at < now()) AS overdue,
    now() - min(created_at) FILTER (WHERE state = 'pending') AS oldest,
    count(*) FILTER (WHERE is_disputed) AS disputed
FROM review_cases WHERE state IN ('pending', 'in_review', 'expert_escalation', 'needs_revision') GROUP BY domain
"""
DECIDED = f"""
SELECT c.domain, count(*) AS decided,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM d.created_at - c.created_at)) AS wait_s
FROM expert_decisions AS d JOIN review_cases AS c USING (case_id)
WHERE {STANDS} AND {IN_PERIOD} AND c.gold_id IS NULL GROUP BY c.domain
"""
PAIRS = f"""
SELECT c.domain, array_agg(d.decided_text) AS texts
FROM expert_decisions AS d JOIN review_cases AS c USING (case_id)
WHERE d.family_id IS NOT NULL AND NOT d.was_disputed AND {STANDS} AND {IN_PERIOD}
GROUP BY c.domain, d.family_id HAVING count(*) = 2
"""
DAYS = f"""
WITH days AS (
    SELECT generate_series((now() AT TIME ZONE 'UTC')::date - ($1::int - 1), (now() AT TIME ZONE 'UTC')::date,
        interval '1 day')::date AS day
), queued AS (
    SELECT (created_at AT TIME ZONE 'UTC')::date AS day, count(*) AS created FROM review_cases
    WHERE created_at > now() - make_interval(days => $1) GROUP BY 1
), decided AS (
    SELECT (d.created_at AT TIME ZONE 'UTC')::date AS day, count(*) FILTER (WHERE {STANDS}) AS decided,
        count(*) FILTER (WHERE d.undone_at IS NOT NULL AND d.verdict IN {FINAL}) AS undone,
        count(*) FILTER (WHERE {STANDS} AND d.created_at <= c.due_at) AS in_time
    FROM expert_decisions AS d JOIN review_cases AS c USING (case_id) WHERE {IN_PERIOD} GROUP BY 1
)
SELECT day, coalesce(created, 0), coalesce(decided, 0), coalesce(undone, 0), coalesce(in_time, 0)
FROM days LEFT JOIN queued USING (day) LEFT JOIN decided USING (day) ORDER BY day
"""
AGES = """
SELECT width_bucket(extract(epoch FROM now() - created_at)
    / greatest(extract(epoch FROM due_at - created_at), 1), $1::numeric[]) AS band, count(*) AS count
FROM review_cases WHERE state = 'pending' GROUP BY 1
"""
LAST_HOUR = f"SELECT count(*) FROM expert_decisions AS d WHERE {STANDS} AND d.created_at > now() - interval '1 hour'"


@dataclass(frozen=True, slots=True)
class PostgresFigures:
    """The port `ReviewFigures`."""

    reads: Readable

    async def counts(self) -> dict[State, int]:
        rows = await self.reads.fetch("SELECT state, count(*) AS count FROM review_cases GROUP BY state")
        found = {State(row["state"]): row["count"] for row in rows}
        return {state: found.get(state, 0) for state in State}

    async def waiting(self) -> list[Waiting]:
        found = {row["domain"]: row for row in await self.reads.fetch(WAITING)}
        return [_waiting(domain, found.get(domain)) for domain in dict.fromkeys((*DOMAINS, *found))]

    async def statistics(self, days: int) -> Statistics:
        units = await self._paired_texts(days)
        domains = await self._domains(days, units)
        ages = {row["band"]: row["count"] for row in await self.reads.fetch(AGES, list(AGE_BANDS))}
        waits = [domain.oldest_pending for domain in domains if domain.oldest_pending is not None]
        return Statistics(
            counts=await self.counts(),
            oldest_pending=max(waits, default=None),
            overdue_count=sum(domain.overdue_count for domain in domains),
            experts=tuple(ExpertFigures(*row.values()) for row in await self.reads.fetch(EXPERTS, days)),
            domains=domains,
            days=tuple(DayFigures(*row.values()) for row in await self.reads.fetch(DAYS, days)),
            ages=tuple(ages.get(band, 0) for band in range(1, len(AGE_BANDS) + 1)),
            decided_last_hour_count=await self.reads.fetchval(LAST_HOUR),
            alpha=krippendorff_alpha(texts for found in units.values() for texts in found),
        )

    async def _paired_texts(self, days: int) -> dict[str, list[list[str]]]:
        """By domain, what the two readers of each case decided."""
        units = defaultdict(list)
        for row in await self.reads.fetch(PAIRS, days):
            units[row["domain"]].append(row["texts"])
        return units

    async def _domains(self, days: int, units: dict[str, list[list[str]]]) -> tuple[DomainFigures, ...]:
        waiting = {row["domain"]: row for row in await self.reads.fetch(WAITING)}
        decided = {row["domain"]: row for row in await self.reads.fetch(DECIDED, days)}
        found = []
        for domain in DOMAINS:
            now: Any = waiting.get(domain, {})
            then: Any = decided.get(domain, {})
            pairs = units.get(domain, [])
            figures = DomainFigures(
                domain=domain,
                pending_count=now.get("pending", 0),
                overdue_count=now.get("overdue", 0),
                oldest_pending=now.get("oldest"),
                disputed_count=now.get("disputed", 0),
                decision_count=then.get("decided", 0),
                median_wait_s=then.get("wait_s"),
                paired_count=len(pairs),
                alpha=krippendorff_alpha(pairs),
            )
            found.append(figures)
        return tuple(found)


def _waiting(domain: str, row: asyncpg.Record | None) -> Waiting:
    if row is None or row["oldest"] is None:
        return Waiting(domain, 0, 0, 0.0)
    return Waiting(domain, row["pending"], row["overdue"], row["oldest"].total_seconds())
