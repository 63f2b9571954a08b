"""The queue in schema `review`; every time is the database's."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import astuple, replace
from datetime import datetime, timedelta
from typing import NoReturn

import asyncpg

from ..domain.queue import (
    Answer,
    Case,
    CaseNotFound,
    CaseQuery,
    CaseStateWrong,
    Claim,
    Decision,
    Lease,
    LeaseLost,
    NewCase,
    RequestIdReused,
    State,
    UndoWindowClosed,
    Verdict,
)
from . import statements
from .postgres_figures import DOMAINS, PostgresFigures


class PostgresQueue(PostgresFigures):
    """The port `ReviewQueue`."""

    def __init__(self, pool: asyncpg.Pool, sla_s: float) -> None:
        super().__init__(pool)
        self._sla_s = sla_s

    async def add(self, cases: Sequence[NewCase], request_id: str) -> list[int]:
        digest = hashlib.sha256(repr([astuple(case) for case in cases]).encode()).digest()
        rows = await self._pool.fetch(
            statements.ADD,
            [case.domain for case in cases],
            [case.boost for case in cases],
            [case.filename for case in cases],
            [case.heard for case in cases],
            [case.body for case in cases],
            *(request_id, self._sla_s, digest),
        )
        return [row["case_id"] for row in rows] or await self._added_before(request_id, digest)

    async def _added_before(self, request_id: str, digest: bytes) -> list[int]:
        known = await self._pool.fetchval("SELECT content_digest FROM batches WHERE batch_id = $1", request_id)
        if known != digest:
            raise RequestIdReused(f"request id {request_id} came with other cases before")
        rows = await self._pool.fetch(
            "SELECT case_id FROM review_cases WHERE batch_id = $1 ORDER BY batch_position", request_id
        )
        return [row["case_id"] for row in rows]

    async def case(self, case_id: int) -> Case:
        row = await self._pool.fetchrow(f"{statements.CASES} WHERE c.case_id = $1", case_id)
        if row is None:
            raise CaseNotFound(f"no case reviewCases/{case_id}")
        return _as_case(row)

    async def find(self, query: CaseQuery) -> list[Case]:
        rows = await self._pool.fetch(
            f"{statements.CASES} WHERE c.state = ANY($1) AND ($2::text[] = '{{}}' OR c.domain = ANY($2)) "
            "AND ($3 = '' OR c.filename = $3) AND ($4::timestamptz IS NULL OR (c.rank_at, c.case_id) > ($4, $5)) "
            "ORDER BY c.rank_at, c.case_id LIMIT $6",
            *([state.value for state in query.states], list(query.domains), query.filename),
            *(query.after or (None, 0)),
            query.limit,
        )
        return [_as_case(row) for row in rows]

    async def claim(self, claim: Claim) -> list[tuple[Case, Lease]]:
        states = [State.PENDING.value, *([State.EXPERT_ESCALATION.value] if claim.with_escalated else [])]
        domains = list(claim.domains) or list(DOMAINS)
        try:
            rows = await self._pool.fetch(
                statements.CLAIM, domains, claim.count, claim.expert, claim.lease_s, claim.claim_id, states
            )
        except asyncpg.UniqueViolationError:
            rows = []  # the same claim ran at the same time and took them
        if not rows:
            rows = await self._pool.fetch(statements.HELD, claim.claim_id, claim.expert)
        return [(_as_case(row), Lease(row["case_id"], row["fence"], row["lease_until"])) for row in rows]

    async def prolong(self, leases: Sequence[Lease], expert: str, lease_s: float) -> list[Lease]:
        rows = await self._pool.fetch(
            statements.PROLONG,
            *([lease.case_id for lease in leases], [lease.fence for lease in leases], expert, lease_s),
        )
        return [Lease(row["case_id"], row["fence"], row["lease_until"]) for row in rows]

    async def decide(self, answer: Answer) -> Case:
        try:
            row = await self._pool.fetchrow(
                statements.DECIDE,
                *(answer.case_id, answer.fence, answer.verdict.leads_to.value, answer.verdict.value),
                *(answer.decision_type, answer.decided_text, answer.comment, answer.expert, answer.request_id),
                self._sla_s,
            )
        except asyncpg.UniqueViolationError:
            row = None  # the request id has decided something already
        return _as_case(row) if row is not None else await self._decided_before(answer)

    async def _decided_before(self, answer: Answer) -> Case:
        """What the same request was answered; where there was none the text is kept and LeaseLost raised."""
        known = await self._pool.fetchrow(
            f"SELECT {statements.COLUMNS}, d.state_after FROM expert_decisions AS d JOIN review_cases AS c "
            "USING (case_id) WHERE d.request_id = $1",
            answer.request_id,
        )
        if known is None:
            await self._refuse_decision(answer)
        then = _as_case(known)
        if then.decision is None or not _is_same(then.case_id, then.decision, answer):
            raise RequestIdReused(f"request id {answer.request_id} was used for another decision")
        return replace(then, state=State(known["state_after"]), holder=None)

    async def _refuse_decision(self, answer: Answer) -> NoReturn:
        case = await self.case(answer.case_id)
        await self._pool.execute(
            statements.KEEP_DRAFT,
            *(answer.case_id, answer.expert, answer.request_id, answer.verdict.value),
            *(answer.decided_text, answer.comment),
        )
        raise LeaseLost(
            f"the lease of reviewCases/{answer.case_id} is no longer yours; your text is kept as a draft",
            metadata={"state": case.state.value},
        )

    async def undo(self, case_id: int, expert: str, window_s: float, request_id: str) -> Case:
        try:
            row = await self._pool.fetchrow(statements.UNDO, case_id, expert, window_s, request_id)
        except asyncpg.UniqueViolationError:
            row = None  # the request id has undone something already
        return _as_case(row) if row is not None else await self._undone_before(case_id, expert, window_s, request_id)

    async def _undone_before(self, case_id: int, expert: str, window_s: float, request_id: str) -> Case:
        """What the same request was answered; else says why nothing is undone, unless it was undone already."""
        known = await self._pool.fetchrow(
            f"SELECT {statements.COLUMNS}, d.was_escalated FROM expert_decisions AS d JOIN review_cases AS c "
            "USING (case_id) WHERE d.undo_request_id = $1",
            request_id,
        )
        if known is None:
            case = await self.case(case_id)
            _refuse_undo(case, expert, window_s, await self._pool.fetchval("SELECT now()"))
            return case
        if (known["case_id"], known["expert"]) != (case_id, expert):
            raise RequestIdReused(f"request id {request_id} undid another decision")
        state = State.EXPERT_ESCALATION if known["was_escalated"] else State.PENDING
        return replace(_as_case(known), state=state, holder=None)

    async def sweep(self) -> int:
        return len(await self._pool.fetch(statements.SWEEP))


def _is_same(case_id: int, known: Decision, answer: Answer) -> bool:
    was = (case_id, known.verdict, known.decision_type, known.decided_text, known.comment, known.expert)
    return was == (
        *(answer.case_id, answer.verdict, answer.decision_type),
        *(answer.decided_text, answer.comment, answer.expert),
    )


def _refuse_undo(case: Case, expert: str, window_s: float, now: datetime) -> None:
    """Says why nothing was undone; nothing is said where it was undone before."""
    decision = case.decision
    if decision is None or decision.expert != expert:
        raise CaseStateWrong(f"reviewCases/{case.case_id} has no decision of yours to undo")
    if decision.undone_at is not None:
        return
    if decision.created_at <= now - timedelta(seconds=window_s):
        raise UndoWindowClosed(f"the decision on reviewCases/{case.case_id} is too old to be undone")
    raise CaseStateWrong(f"somebody has claimed reviewCases/{case.case_id} since")


def _as_case(row: asyncpg.Record) -> Case:
    decision = None
    if row["decision_id"] is not None:
        decision = Decision(
            decision_id=row["decision_id"],
            verdict=Verdict(row["verdict"]),
            decision_type=row["decision_type"],
            decided_text=row["decided_text"],
            comment=row["comment"],
            expert=row["expert"],
            created_at=row["decided_at"],
            undone_at=row["undone_at"],
        )
    return Case(
        case_id=row["case_id"],
        state=State(row["state"]),
        domain=row["domain"],
        body=row["body"],
        created_at=row["created_at"],
        due_at=row["due_at"],
        rank_at=row["rank_at"],
        holder=row["holder"],
        decision=decision,
    )
