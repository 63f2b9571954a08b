"""What callers were told, and whether the stores agree."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import asyncpg

DECIDED = """
SELECT wanted.request_id FROM unnest($1::uuid[]) AS wanted (request_id)
LEFT JOIN review.expert_decisions USING (request_id) WHERE decision_id IS NULL
"""
DECIDED_TWICE = """
SELECT case_id FROM review.expert_decisions WHERE undone_at IS NULL GROUP BY case_id HAVING count(*) > 1
"""
FILES = """
SELECT filename, state, attempt FROM transcripts.job_file WHERE job_id = ANY ($1::bigint[])
"""
SAME_JOB_TWICE = """
SELECT display_name FROM transcripts.job WHERE display_name = ANY ($1::text[]) GROUP BY display_name HAVING count(*) > 1
"""
QUEUED_TWICE = """
SELECT filename, heard FROM review.review_cases WHERE filename = ANY ($1::text[])
GROUP BY filename, heard HAVING count(*) > 1
"""
SCORED_TWICE = """
SELECT subject FROM quality.quality_reports WHERE subject = ANY ($1::text[]) GROUP BY subject HAVING count(*) > 1
"""

REFUSED = "refused"
"""What jobs are called that cannot be taken."""
BUFFERED = "SELECT job_id FROM transcripts.job WHERE display_name = $1"


@dataclass(frozen=True, slots=True)
class Call:
    """One call as its caller saw it."""

    kind: str
    began: float
    took_s: float
    deadline_s: float
    code: str
    """OK, or how it failed."""
    message: str = ""
    retry_after_s: float | None = None


@dataclass(slots=True)
class Ledger:
    """Every call, and what was acknowledged."""

    calls: list[Call] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)
    """Request ids of decisions that were answered."""
    jobs: dict[int, str] = field(default_factory=dict)
    """Display names of jobs that were answered, by number; the one file of a job is called the same."""

    @property
    def failed(self) -> list[Call]:
        return [call for call in self.calls if call.code != "OK"]

    def worst_over_s(self, kinds: frozenset[str]) -> float:
        """By how much the slowest of these overran its deadline; below zero: none did."""
        return max((call.took_s - call.deadline_s for call in self.calls if call.kind in kinds), default=0.0)

    def codes(self) -> Counter[str]:
        """Failures, by kind of call and code."""
        return Counter(f"{call.kind} {call.code}" for call in self.failed)


@dataclass(frozen=True, slots=True)
class Audit:
    """What the stores say of a ledger."""

    lost: list[str]
    doubled: list[str]
    open_files: int
    """Files of acknowledged jobs that are still to be corrected."""


async def audit(ledger: Ledger, database_url: str) -> Audit:
    """Compares the acknowledged with the stored, past the services."""
    connection = await asyncpg.connect(database_url)
    try:
        names = list(ledger.jobs.values())
        files = await connection.fetch(FILES, list(ledger.jobs))
        there = {row["filename"] for row in files}
        ended_badly = [
            f"file {row['filename']} {row['state']}" for row in files if row["state"] in ("failed", "cancelled")
        ]
        decisions = await connection.fetch(DECIDED, ledger.decisions)
        twice = [
            *(f"decision on {row['case_id']}" for row in await connection.fetch(DECIDED_TWICE)),
            *(f"job {row['display_name']}" for row in await connection.fetch(SAME_JOB_TWICE, names)),
            *(f"refused, yet done: {row['job_id']}" for row in await connection.fetch(BUFFERED, REFUSED)),
            *(f"case {row['heard']}" for row in await connection.fetch(QUEUED_TWICE, names)),
            *(f"report {row['subject']}" for row in await connection.fetch(SCORED_TWICE, names)),
        ]
        return Audit(
            lost=[
                *(f"decision {row['request_id']}" for row in decisions),
                *(f"job file {name}" for name in names if name not in there),
                *ended_badly,
            ],
            doubled=twice,
            open_files=sum(row["state"] in ("queued", "running") for row in files),
        )
    finally:
        await connection.close()
