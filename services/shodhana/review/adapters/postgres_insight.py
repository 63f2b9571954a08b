"""How well decisions turn into knowledge, from the tables of schema `review`."""

from __future__ import annotations

from dataclasses import dataclass

from shodhana.runtime.standby import Readable

from ..domain.insight import CalibrationBin, KnowledgeFigures
from ..domain.proposals import ProposalState

FINAL = "d.undone_at IS NULL AND d.verdict IN ('accept', 'correct', 'reject')"
ORDINARY = "c.family_id IS NULL AND c.gold_id IS NULL AND NOT c.is_outright"
REPEATED = f"""
SELECT avg(EXISTS (
    SELECT FROM segment_term AS s JOIN proposals AS p ON s.term_key = '=' || p.heard_key
    JOIN proposal_supports AS u USING (proposal_id)
    WHERE s.case_id = c.case_id AND u.withdrawn_at IS NULL AND u.created_at < c.created_at
)::int)::float8
FROM review_cases AS c WHERE {ORDINARY} AND c.created_at > now() - make_interval(days => $1)
"""
RESOLVED = f"""
SELECT withdrawn::float8 / nullif(withdrawn + decided, 0) FROM (
    SELECT count(DISTINCT case_id) AS withdrawn FROM case_events JOIN review_cases AS c USING (case_id)
    WHERE kind = 'withdrawn' AND c.state = 'withdrawn' AND case_events.created_at > now() - make_interval(days => $1)
) AS w CROSS JOIN (
    SELECT count(DISTINCT case_id) AS decided FROM expert_decisions AS d JOIN review_cases AS c USING (case_id)
    WHERE {FINAL} AND {ORDINARY} AND d.created_at > now() - make_interval(days => $1)
) AS d
"""
OVERTURNED = f"""
SELECT avg((d.decided_text <> c.passed_text)::int)::float8
FROM expert_decisions AS d JOIN review_cases AS c USING (case_id)
WHERE {FINAL} AND c.passed_text IS NOT NULL AND d.created_at > now() - make_interval(days => $1)
"""
ACTIVE = """
SELECT percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY extract(epoch FROM active_at - decided_at)::float8)
FROM publications WHERE active_at > now() - make_interval(days => $1)
"""
CALIBRATION = f"""
SELECT count(*) AS count, avg(c.suggested_probability)::float8 AS probability,
    avg((d.decided_text = c.suggested_text)::int)::float8 AS right_share
FROM expert_decisions AS d JOIN review_cases AS c USING (case_id)
WHERE {FINAL} AND {ORDINARY} AND c.suggested_text <> '' AND d.created_at > now() - make_interval(days => $1)
GROUP BY least(floor(c.suggested_probability * 10), 9) ORDER BY 2
"""
OLDEST = """
SELECT max(extract(epoch FROM now() - created_at) / greatest(extract(epoch FROM due_at - created_at), 1))::float8
FROM review_cases WHERE state IN ('pending', 'expert_escalation', 'needs_revision')
"""


@dataclass(frozen=True, slots=True)
class PostgresInsight:
    """The port `Insight`."""

    reads: Readable

    async def knowledge(self, days: int) -> KnowledgeFigures:
        p50, p95 = await self.reads.fetchval(ACTIVE, days) or (None, None)
        counts = await self.reads.fetch("SELECT state, count(*) AS count FROM proposals GROUP BY state")
        found = {row["state"]: row["count"] for row in counts}
        return KnowledgeFigures(
            repeat_error_rate=await self.reads.fetchval(REPEATED, days),
            auto_resolved_share=await self.reads.fetchval(RESOLVED, days),
            overturn_rate=await self.reads.fetchval(OVERTURNED, days),
            active_p50_s=p50,
            active_p95_s=p95,
            calibration=tuple(CalibrationBin(**dict(row)) for row in await self.reads.fetch(CALIBRATION, days)),
            proposals={state: found.get(state.value, 0) for state in ProposalState},
            oldest_sla_share=await self.reads.fetchval(OLDEST),
        )
