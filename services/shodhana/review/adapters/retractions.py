"""The statements that take decisions back; after a claim, which moves the fence, nothing is taken back."""

from __future__ import annotations

from .rows import COLUMNS


def _waiting(case: str, decision: str) -> str:
    """Where a case goes whose decision is taken back: one that was made for the decision goes with it."""
    queue = f"waiting_state({decision}.was_escalated, {decision}.was_disputed)"
    return f"CASE WHEN {case}.is_outright THEN 'withdrawn' ELSE {queue} END"


def _taken_back(condition: str, *, kind: str, who: str, request_id: str, select: str) -> str:
    """A statement whose `condition` chooses among decisions `d` that stand and their cases `c`."""
    return f"""
WITH back AS (
    UPDATE review_cases AS c
    SET state = {_waiting("c", "d")}, is_escalated = d.was_escalated,
        is_disputed = d.was_disputed, rank_at = d.rank_before, fence = c.fence + 1
    FROM expert_decisions AS d
    WHERE d.case_id = c.case_id AND d.fence = c.fence AND d.undone_at IS NULL AND {condition}
    RETURNING c.*, d.decision_id
), undone AS (
    UPDATE expert_decisions AS d SET undone_at = now(), undone_by = {who}, undo_request_id = {request_id}
    FROM back WHERE d.decision_id = back.decision_id
    RETURNING d.*
), told AS (
    INSERT INTO outbox (case_id, kind, actor, decision_id) SELECT case_id, '{kind}', {who}, decision_id FROM undone
), unread AS (
    UPDATE review_cases AS c SET state = 'withdrawn'
    FROM back WHERE back.is_outright AND c.family_id = back.case_id AND c.state = 'pending'
)
{select}
"""


_CASE = f"SELECT {COLUMNS} FROM back AS c JOIN undone AS d ON d.case_id = c.case_id"
# Parameters: case, expert, window, request.
UNDO = _taken_back(
    "c.case_id = $1 AND d.expert = $2 AND d.created_at > now() - make_interval(secs => $3)",
    kind="undone",
    who="$2",
    request_id="$4::uuid",
    select=_CASE,
)
# Parameters: case, decision, administrator, request, comment.
REVOKE = _taken_back(
    "c.case_id = $1 AND d.decision_id = $2",
    kind="revoked",
    who="$3",
    request_id="$4::uuid",
    select=f""", remark AS (
    INSERT INTO comments (case_id, author, text, request_id) SELECT case_id, $3, $5, $4 FROM undone
)
{_CASE}""",
)
# Parameters: bulk decision, expert, window.
UNDO_BULK = _taken_back(
    "d.bulk_id = $1 AND d.expert = $2 AND d.created_at > now() - make_interval(secs => $3)",
    kind="undone",
    who="$2",
    request_id="NULL",
    select="SELECT count(*) FROM undone",
)
UNDONE_BEFORE = f"""
SELECT {COLUMNS}, {_waiting("c", "d")} AS state_then
FROM expert_decisions AS d JOIN review_cases AS c USING (case_id)
WHERE d.undo_request_id = $1
"""
