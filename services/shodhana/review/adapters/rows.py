"""What the statements select, and the values made of it."""

from __future__ import annotations

import asyncpg

from ..domain.cases import Case, Decision, State, Verdict

DECISION_COLUMNS = """
d.decision_id, d.case_id AS decided_case_id, d.verdict, d.decision_type, d.decided_text, d.decided_term, d.comment,
d.expert, d.created_at AS decided_at, d.undone_at, d.undone_by, d.was_disputed, d.bulk_id
"""
COLUMNS = f"""
c.case_id, c.state, c.domain, c.body, c.created_at, c.due_at, c.rank_at, c.holder, c.fence, c.lease_until,
c.family_id, c.is_disputed, {DECISION_COLUMNS}
"""
LAST_DECISION = """
LEFT JOIN LATERAL (
    SELECT * FROM expert_decisions WHERE case_id = c.case_id ORDER BY decision_id DESC LIMIT 1
) AS d ON true
"""
CASES = f"SELECT {COLUMNS} FROM review_cases AS c {LAST_DECISION}"


def as_case(row: asyncpg.Record) -> Case:
    return Case(
        case_id=row["case_id"],
        state=State(row["state"]),
        domain=row["domain"],
        body=row["body"],
        created_at=row["created_at"],
        due_at=row["due_at"],
        rank_at=row["rank_at"],
        holder=row["holder"],
        decision=None if row["decision_id"] is None else as_decision(row),
        family_id=row["family_id"],
        is_disputed=row["is_disputed"],
    )


def as_decision(row: asyncpg.Record) -> Decision:
    return Decision(
        decision_id=row["decision_id"],
        case_id=row["decided_case_id"],
        verdict=Verdict(row["verdict"]),
        decision_type=row["decision_type"],
        decided_text=row["decided_text"],
        decided_term=row["decided_term"],
        comment=row["comment"],
        expert=row["expert"],
        created_at=row["decided_at"],
        undone_at=row["undone_at"],
        undone_by=row["undone_by"],
        was_disputed=row["was_disputed"],
        bulk_id=None if row["bulk_id"] is None else str(row["bulk_id"]),
    )
