"""Reading cases: one, some, those of a query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import asyncpg

from shodhana.runtime.standby import Readable

from ..domain.cases import Case, CaseQuery, Decision, Order
from ..domain.errors import CaseNotFound
from .rows import CASES, COLUMNS, DECISION_COLUMNS, as_case, as_decision

FINAL = "d.undone_at IS NULL AND d.verdict IN ('accept', 'correct', 'reject')"
BY_DECISION = f"""
SELECT {COLUMNS} FROM expert_decisions AS d JOIN review_cases AS c USING (case_id) WHERE {FINAL}
    AND NOT EXISTS (
        SELECT FROM expert_decisions AS newer WHERE newer.case_id = d.case_id AND newer.decision_id > d.decision_id
            AND newer.undone_at IS NULL AND newer.verdict IN ('accept', 'correct', 'reject')
    )
"""
READS = f"""
SELECT {DECISION_COLUMNS} FROM expert_decisions AS d
WHERE d.family_id = $1 AND NOT d.was_disputed AND {FINAL} ORDER BY d.decision_id
"""


class PostgresCases:
    """What the port `ReviewQueue` tells of single cases."""

    def __init__(self, pool: asyncpg.Pool, reads: Readable | None = None) -> None:
        self._pool = pool
        self._reads: Readable = reads or pool

    async def case(self, case_id: int) -> Case:
        found = await self.cases([case_id])
        if not found:
            raise CaseNotFound(f"no case reviewCases/{case_id}")
        return found[0]

    async def cases(self, case_ids: Sequence[int]) -> list[Case]:
        """In the order of the ids; those that do not exist are left out."""
        rows = await self._pool.fetch(f"{CASES} WHERE c.case_id = ANY($1::bigint[])", list(case_ids))
        found = {row["case_id"]: as_case(row) for row in rows}
        return [found[case_id] for case_id in case_ids if case_id in found]

    async def with_reads(self, case: Case) -> Case:
        """The case with what its readers decided, where they disagree."""
        if not case.is_disputed:
            return case
        rows = await self._pool.fetch(READS, case.case_id)
        return replace(case, reads=tuple(map(as_decision, rows)))

    async def find(self, query: CaseQuery) -> list[Case]:
        conditions, arguments = _conditions(query)
        text = " AND ".join(conditions) or "true"
        if query.order is Order.LAST_DECIDED:
            statement = f"{BY_DECISION} AND {text} ORDER BY d.decision_id DESC"
        else:
            statement = f"{CASES} WHERE {text} ORDER BY c.rank_at, c.case_id"
        rows = await self._reads.fetch(f"{statement} LIMIT {int(query.limit)}", *arguments)
        return [as_case(row) for row in rows]

    async def decisions(self, case_id: int, before: int | None, limit: int) -> list[Decision]:
        await self.case(case_id)
        rows = await self._pool.fetch(
            f"SELECT {DECISION_COLUMNS} FROM expert_decisions AS d WHERE d.case_id = $1 "
            "AND ($2::bigint IS NULL OR d.decision_id < $2) ORDER BY d.decision_id DESC LIMIT $3",
            *(case_id, before, limit),
        )
        return [as_decision(row) for row in rows]


def _conditions(query: CaseQuery) -> tuple[list[str], list[Any]]:
    """The conditions that the query sets, and their arguments: a plan for each set of them, not one for all."""
    arguments: list[Any] = []

    def argument(value: object) -> str:
        arguments.append(value)
        return f"${len(arguments)}"

    conditions = []
    if query.states:
        conditions.append(f"c.state = ANY({argument([state.value for state in query.states])}::text[])")
    if query.domains:
        conditions.append(f"c.domain = ANY({argument(list(query.domains))}::text[])")
    if query.filename:
        conditions.append(f"c.filename = {argument(query.filename)}")
    if query.heard:
        conditions.append(f"position(lower({argument(query.heard)}) IN lower(c.heard)) > 0")
    if query.holder:
        conditions.append(f"c.state = 'in_review' AND c.holder = {argument(query.holder)}")
    if query.expert:
        conditions.append(f"d.undone_at IS NULL AND d.expert = {argument(query.expert)}")
    if query.verdicts:
        verdicts = [verdict.value for verdict in query.verdicts]
        conditions.append(f"d.undone_at IS NULL AND d.verdict = ANY({argument(verdicts)}::text[]::verdict[])")
    if query.only_overdue:
        waiting = "('pending', 'in_review', 'expert_escalation', 'needs_revision')"
        conditions.append(f"c.due_at < now() AND c.state IN {waiting}")
    caller = argument(query.caller)
    conditions.append(f"(c.family_id IS NULL OR c.holder = {caller} OR d.expert = {caller})")
    if query.after:
        moment, last_id = (argument(part) for part in query.after)
        is_later = f"(c.rank_at, c.case_id) > ({moment}::timestamptz, {last_id}::bigint)"
        is_older = f"({moment}::timestamptz IS NOT NULL AND d.decision_id < {last_id}::bigint)"
        conditions.append(is_older if query.order is Order.LAST_DECIDED else is_later)
    return conditions, arguments
