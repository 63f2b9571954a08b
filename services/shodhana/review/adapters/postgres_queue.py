"""The queue in schema `review`; every time is the database's."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import astuple, replace
from datetime import datetime, timedelta
from typing import NoReturn

import asyncpg

from shodhana.runtime.postgres import Connection, settle
from shodhana.runtime.standby import Readable

from ..domain.cases import DOMAINS, Added, Answer, Case, Claim, Decision, Lease, NewCase, Revocation, State, Verdict
from ..domain.errors import CaseStateWrong, DecisionNotFound, LeaseLost, RequestIdReused, TextMissing, UndoWindowClosed
from . import retractions, statements
from .batches import Batches
from .postgres_cases import PostgresCases
from .rows import as_case

OUTRIGHT_S = 60.0  # of the lease under which a proposal is decided at once


class PostgresQueue(PostgresCases):
    """The port `ReviewQueue`."""

    def __init__(self, pool: asyncpg.Pool, sla_s: float, reads: Readable | None = None) -> None:
        super().__init__(pool, reads)
        self._sla_s = sla_s
        self._decisions = Batches(self._decide_all)
        self._claims = Batches(self._claim_all, most=statements.MOST_AT_ONCE // statements.MOST)

    async def add(self, cases: Sequence[NewCase], request_id: str) -> Added:
        return await self._add(self._pool, cases, request_id)

    async def propose(self, case: NewCase, answer: Answer) -> Case:
        async with self._pool.acquire() as connection, connection.transaction():
            [case_id] = (await self._add(connection, [case], answer.request_id, is_outright=True)).case_ids
            mine = replace(answer, case_id=case_id)
            taken = ([case_id], 1, mine.expert, OUTRIGHT_S, mine.request_id, [State.PENDING.value])
            held = await connection.fetchrow(statements.CLAIM_NAMED, *taken)
            if held is not None:
                rows = await connection.fetch(statements.DECIDE, *self._sent([replace(mine, fence=held["fence"])]))
                return as_case(rows[0])
        return await self._decided_before(mine)

    async def _add(
        self, target: asyncpg.Pool | Connection, cases: Sequence[NewCase], request_id: str, is_outright: bool = False
    ) -> Added:
        digest = hashlib.sha256(repr([astuple(case) for case in cases]).encode()).digest()
        places = [case.place_key for case in cases]
        rows = await target.fetch(
            statements.ADD,
            [case.domain for case in cases],
            [case.boost for case in cases],
            [case.filename for case in cases],
            [case.heard for case in cases],
            [case.body for case in cases],
            [case.reads for case in cases],
            [case.suggestion.text for case in cases],
            [case.suggestion.term for case in cases],
            [case.suggestion.probability for case in cases],
            *(request_id, self._sla_s, digest),
            [" ".join(sorted(case.keys)) for case in cases],
            *(places, is_outright),
        )
        if len(rows) < len(cases):  # the request, or a place, was there before
            known = await target.fetchval("SELECT content_digest FROM batches WHERE batch_id = $1", request_id)
            if known != digest:
                raise RequestIdReused(f"request id {request_id} came with other cases before")
            rows = await target.fetch(statements.ADDED, request_id, places)
            await settle(target)
        return Added(tuple(row["case_id"] for row in rows), sum(row["is_new"] for row in rows))

    async def claim(self, claim: Claim) -> list[tuple[Case, Lease]]:
        rows = [] if claim.case_ids else await self._claim_with_others(claim)
        if not rows:
            rows = await self._claim_alone(claim)
        return await self._with_leases(rows or await self._pool.fetch(statements.HELD, claim.claim_id, claim.expert))

    async def _claim_with_others(self, claim: Claim) -> Sequence[asyncpg.Record]:
        try:
            return await self._claims.run(claim)
        except asyncpg.UniqueViolationError:
            return []  # the same claim ran at the same time and took them

    async def _claim_alone(self, claim: Claim) -> Sequence[asyncpg.Record]:
        statement = statements.CLAIM_NAMED if claim.case_ids else statements.CLAIM
        wanted = list(claim.case_ids or claim.domains)
        arguments = (wanted, claim.count, claim.expert, claim.lease_s, claim.claim_id, claim.states)
        try:
            return await self._pool.fetch(statement, *arguments)
        except asyncpg.UniqueViolationError:
            return []

    async def _claim_all(self, claims: Sequence[Claim]) -> list[list[asyncpg.Record]]:
        """The rows of each claim: those of the same domains and states in one statement."""
        alike: dict[tuple[object, ...], list[Claim]] = defaultdict(list)
        for claim in claims:
            alike[claim.domains, claim.with_escalated, claim.with_disputed].append(claim)
        found = defaultdict(list)
        for group in alike.values():
            for row in await self._claim_group(group):
                found[str(row["claim_id"])].append(row)
        return [found[claim.claim_id] for claim in claims]

    async def _claim_group(self, claims: Sequence[Claim]) -> list[asyncpg.Record]:
        one = claims[0]
        return await self._pool.fetch(
            statements.CLAIM_MANY,
            *(list(one.domains or DOMAINS), sum(claim.count for claim in claims), one.states, bool(one.domains)),
            [claim.expert for claim in claims],
            [claim.lease_s for claim in claims],
            [claim.claim_id for claim in claims],
            [claim.count for claim in claims],
        )

    async def _with_leases(self, rows: Sequence[asyncpg.Record]) -> list[tuple[Case, Lease]]:
        return [
            (await self.with_reads(as_case(row)), Lease(row["case_id"], row["fence"], row["lease_until"]))
            for row in rows
        ]

    async def prolong(self, leases: Sequence[Lease], expert: str, lease_s: float) -> list[Lease]:
        rows = await self._pool.fetch(
            statements.PROLONG,
            *([lease.case_id for lease in leases], [lease.fence for lease in leases], expert, lease_s),
        )
        return [Lease(row["case_id"], row["fence"], row["lease_until"]) for row in rows]

    async def decide(self, answer: Answer) -> Case:
        try:
            row = await self._decisions.run(answer)
        except asyncpg.UniqueViolationError:
            row = None  # the request id has decided something already
        return as_case(row) if row is not None else await self._decided_before(answer)

    async def _decide_all(self, answers: Sequence[Answer]) -> list[asyncpg.Record | None]:
        rows = await self._pool.fetch(statements.DECIDE, *self._sent(answers))
        found = {row["position"]: row for row in rows}
        return [found.get(position) for position in range(1, len(answers) + 1)]

    def _sent(self, answers: Sequence[Answer]) -> tuple[object, ...]:
        return (
            self._sla_s,
            [answer.case_id for answer in answers],
            [answer.fence for answer in answers],
            [answer.verdict.value for answer in answers],
            [answer.decision_type for answer in answers],
            [answer.decided_text for answer in answers],
            [answer.decided_term for answer in answers],
            [answer.comment for answer in answers],
            [answer.expert for answer in answers],
            [answer.request_id for answer in answers],
        )

    async def _decided_before(self, answer: Answer) -> Case:
        """What the same request was answered; where there was none the text is kept and LeaseLost raised."""
        known = await self._pool.fetchrow(statements.DECIDED_BEFORE, answer.request_id)
        if known is None:
            await self._refuse_decision(answer)
        then = as_case(known)
        if then.decision is None or not _is_same(then.decision, answer, known["suggested_text"]):
            raise RequestIdReused(f"request id {answer.request_id} was used for another decision")
        await settle(self._pool)
        return replace(then, state=State(known["state_after"]), holder=None)

    async def _refuse_decision(self, answer: Answer) -> NoReturn:
        case = await self.case(answer.case_id)
        if answer.verdict is Verdict.ACCEPT and not answer.decided_text and await self._has_no_suggestion(case):
            raise TextMissing("nothing is suggested for this case: send the right text")
        await self._pool.execute(
            statements.KEEP_DRAFT,
            *(answer.case_id, answer.expert, answer.request_id, answer.verdict.value),
            *(answer.decided_text, answer.comment),
        )
        raise LeaseLost(
            f"the lease of reviewCases/{answer.case_id} is no longer yours; your text is kept as a draft",
            metadata={"state": case.state.value},
        )

    async def _has_no_suggestion(self, case: Case) -> bool:
        found = await self._pool.fetchrow("SELECT suggested_text FROM review_cases WHERE case_id = $1", case.case_id)
        return found is not None and not found["suggested_text"]

    async def undo(self, case_id: int, expert: str, window_s: float, request_id: str) -> Case:
        try:
            row = await self._pool.fetchrow(retractions.UNDO, case_id, expert, window_s, request_id)
        except asyncpg.UniqueViolationError:
            row = None  # the request id has undone something already
        if row is not None:
            return as_case(row)
        then = await self._undone_before(case_id, expert, request_id)
        if then is not None:
            return then
        case = await self.case(case_id)
        _refuse_undo(case, expert, window_s, await self._pool.fetchval("SELECT now()"))
        return case

    async def revoke(self, revocation: Revocation) -> Case:
        case_id, decision_id = revocation.case_id, revocation.decision_id
        arguments = (case_id, decision_id, revocation.admin, revocation.request_id, revocation.comment)
        try:
            row = await self._pool.fetchrow(retractions.REVOKE, *arguments)
        except asyncpg.UniqueViolationError:
            row = None
        if row is not None:
            return as_case(row)
        then = await self._undone_before(case_id, revocation.admin, revocation.request_id)
        if then is not None:
            return then
        known = await self._pool.fetchrow(
            "SELECT undone_at FROM expert_decisions WHERE case_id = $1 AND decision_id = $2", case_id, decision_id
        )
        if known is None:
            raise DecisionNotFound(f"no decision reviewCases/{case_id}/decisions/{decision_id}")
        if known["undone_at"] is None:
            raise CaseStateWrong(f"reviewCases/{case_id} is held or was decided again since")
        return await self.case(case_id)

    async def _undone_before(self, case_id: int, who: str, request_id: str) -> Case | None:
        """What the same request was answered; None where it undid nothing."""
        known = await self._pool.fetchrow(retractions.UNDONE_BEFORE, request_id)
        if known is None:
            return None
        if (known["case_id"], known["undone_by"]) != (case_id, who):
            raise RequestIdReused(f"request id {request_id} undid another decision")
        await settle(self._pool)
        return replace(as_case(known), state=State(known["state_then"]), holder=None)

    async def sweep(self) -> int:
        return len(await self._pool.fetch(statements.SWEEP))


def _is_same(known: Decision, answer: Answer, suggested: str) -> bool:
    text = answer.decided_text or (suggested if answer.verdict is Verdict.ACCEPT else "")
    was = (known.case_id, known.verdict, known.decision_type, known.decided_text, known.comment, known.expert)
    return was == (answer.case_id, answer.verdict, answer.decision_type, text, answer.comment, answer.expert)


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
