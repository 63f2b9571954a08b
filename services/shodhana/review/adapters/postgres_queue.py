"""The queue in schema `review`; every time is the database's."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from ..domain.queue import (
    Answer,
    Case,
    CaseNotFound,
    CaseQuery,
    CaseStateWrong,
    Decision,
    ExpertStatistics,
    Lease,
    LeaseLost,
    NewCase,
    RequestIdReused,
    State,
    Statistics,
    UndoWindowClosed,
    Verdict,
)

DOMAINS = ("spiritual", "philosophical", "scriptural", "general")
_CASE = """
SELECT c.case_id, c.state, c.domain, c.body, c.created_at, c.due_at, c.rank_at, c.holder,
       d.decision_id, d.verdict, d.decision_type, d.decided_text, d.comment, d.expert, d.created_at AS decided_at,
       d.undone_at
FROM review_cases AS c
LEFT JOIN LATERAL (
    SELECT * FROM expert_decisions WHERE case_id = c.case_id ORDER BY decision_id DESC LIMIT 1
) AS d ON true
"""
# The most urgent of each domain, then the most urgent of those: each is the head of an index range.
_CLAIM = """
WITH wanted AS (
    SELECT head.case_id FROM unnest($1::text[]) AS wanted_domain
    CROSS JOIN LATERAL (
        SELECT case_id, rank_at FROM review_cases WHERE state = 'pending' AND domain = wanted_domain
        ORDER BY rank_at, case_id LIMIT $2 FOR UPDATE SKIP LOCKED
    ) AS head
    ORDER BY head.rank_at, head.case_id LIMIT $2
)
UPDATE review_cases AS c
SET state = 'in_review', holder = $3, fence = fence + 1, claim_id = $5, claimed_at = now(),
    lease_until = now() + make_interval(secs => $4)
FROM wanted WHERE c.case_id = wanted.case_id
RETURNING c.case_id
"""
# One statement: the fenced update, the decision and the event. Where nothing is updated nothing is written.
_DECIDE = """
WITH fenced AS (
    UPDATE review_cases SET state = $3, holder = NULL, lease_until = NULL, claim_id = NULL,
        rank_at = CASE WHEN $3 = 'pending' THEN greatest(rank_at, now()) ELSE rank_at END
    WHERE case_id = $1 AND fence = $2 AND state = 'in_review' AND holder = $8 AND lease_until > now()
    RETURNING case_id, claimed_at
), decided AS (
    INSERT INTO expert_decisions
        (case_id, request_id, verdict, decision_type, decided_text, comment, expert, claimed_at)
    SELECT case_id, $9, $4::text::verdict, $5::text::decision_type, $6, $7, $8, claimed_at FROM fenced
    RETURNING case_id
)
INSERT INTO outbox (case_id) SELECT case_id FROM decided RETURNING case_id
"""


class PostgresQueue:
    """The port `ReviewQueue`."""

    def __init__(self, pool: asyncpg.Pool, sla_s: float) -> None:
        self._pool = pool
        self._sla_s = sla_s

    async def add(self, cases: Sequence[NewCase], request_id: str) -> list[int]:
        rows = await self._pool.fetch(
            "WITH added AS (INSERT INTO review_cases (domain, rank_at, due_at, filename, heard, body, batch_id, "
            "batch_position) SELECT domain, now() + make_interval(secs => $7 * (1 - boost / 10.0)), "
            "now() + make_interval(secs => $7), filename, heard, body, $6, position FROM unnest($1::text[], "
            "$2::int[], $3::text[], $4::text[], $5::bytea[]) WITH ORDINALITY "
            "AS new (domain, boost, filename, heard, body, position) ON CONFLICT DO NOTHING RETURNING case_id), "
            "told AS (INSERT INTO outbox (case_id) SELECT case_id FROM added) "
            "SELECT case_id FROM added ORDER BY case_id",
            [case.domain for case in cases],
            [case.boost for case in cases],
            [case.filename for case in cases],
            [case.heard for case in cases],
            [case.body for case in cases],
            request_id,
            self._sla_s,
        )
        if not rows:
            rows = await self._pool.fetch(
                "SELECT case_id FROM review_cases WHERE batch_id = $1 ORDER BY batch_position", request_id
            )
        return [row["case_id"] for row in rows]

    async def case(self, case_id: int) -> Case:
        row = await self._pool.fetchrow(f"{_CASE} WHERE c.case_id = $1", case_id)
        if row is None:
            raise CaseNotFound(f"no case reviewCases/{case_id}")
        return _as_case(row)

    async def find(self, query: CaseQuery) -> list[Case]:
        rows = await self._pool.fetch(
            f"{_CASE} WHERE c.state = ANY($1) AND ($2::text[] = '{{}}' OR c.domain = ANY($2)) "
            "AND ($3 = '' OR c.filename = $3) AND ($4::timestamptz IS NULL OR (c.rank_at, c.case_id) > ($4, $5)) "
            "ORDER BY c.rank_at, c.case_id LIMIT $6",
            *([state.value for state in query.states], list(query.domains), query.filename),
            *(query.after or (None, 0)),
            query.limit,
        )
        return [_as_case(row) for row in rows]

    async def claim(
        self, count: int, domains: Sequence[str], expert: str, lease_s: float, claim_id: str
    ) -> list[tuple[Case, Lease]]:
        held = await self._held(claim_id, expert)
        if not held:
            await self._pool.fetch(_CLAIM, list(domains) or list(DOMAINS), count, expert, lease_s, claim_id)
            held = await self._held(claim_id, expert)
        return held

    async def _held(self, claim_id: str, expert: str) -> list[tuple[Case, Lease]]:
        rows = await self._pool.fetch(
            _CASE.replace("c.holder,", "c.holder, c.fence, c.lease_until,")
            + " WHERE c.claim_id = $1 AND c.holder = $2 AND c.state = 'in_review' AND c.lease_until > now() "
            "ORDER BY c.rank_at, c.case_id",
            *(claim_id, expert),
        )
        return [(_as_case(row), Lease(row["case_id"], row["fence"], row["lease_until"])) for row in rows]

    async def prolong(self, leases: Sequence[Lease], expert: str, lease_s: float) -> list[Lease]:
        rows = await self._pool.fetch(
            "UPDATE review_cases AS c SET lease_until = now() + make_interval(secs => $4) "
            "FROM unnest($1::bigint[], $2::bigint[]) AS held (case_id, fence) "
            "WHERE c.case_id = held.case_id AND c.fence = held.fence AND c.state = 'in_review' AND c.holder = $3 "
            "AND c.lease_until > now() RETURNING c.case_id, c.fence, c.lease_until",
            *([lease.case_id for lease in leases], [lease.fence for lease in leases], expert, lease_s),
        )
        return [Lease(row["case_id"], row["fence"], row["lease_until"]) for row in rows]

    async def decide(self, answer: Answer) -> Case:
        try:
            row = await self._pool.fetchrow(
                _DECIDE,
                *(answer.case_id, answer.fence, answer.verdict.leads_to.value, answer.verdict.value),
                *(answer.decision_type, answer.decided_text, answer.comment, answer.expert, answer.request_id),
            )
        except asyncpg.UniqueViolationError:
            row = None  # the request id has decided something already
        if row is None:
            await self._replay_or_refuse(answer)
        return await self.case(answer.case_id)

    async def _replay_or_refuse(self, answer: Answer) -> None:
        """Returns where the same request was answered before; else keeps the text and raises."""
        known = await self._pool.fetchrow(
            "SELECT case_id, verdict, decided_text, expert FROM expert_decisions WHERE request_id = $1",
            answer.request_id,
        )
        if known is not None:
            same = (answer.case_id, answer.verdict.value, answer.decided_text, answer.expert)
            if tuple(known.values()) != same:
                raise RequestIdReused(f"request id {answer.request_id} was used for another decision")
            return
        case = await self.case(answer.case_id)
        await self._pool.execute(
            "INSERT INTO drafts (case_id, expert, request_id, verdict, decided_text, comment) "
            "VALUES ($1, $2, $3, $4::text::verdict, $5, $6) ON CONFLICT DO NOTHING",
            *(answer.case_id, answer.expert, answer.request_id, answer.verdict.value),
            *(answer.decided_text, answer.comment),
        )
        raise LeaseLost(
            f"the lease of reviewCases/{answer.case_id} is no longer yours; your text is kept as a draft",
            metadata={"state": case.state.value},
        )

    async def undo(self, case_id: int, expert: str, window_s: float) -> Case:
        row = await self._pool.fetchrow(
            "WITH undone AS (UPDATE expert_decisions SET undone_at = now() WHERE decision_id = (SELECT decision_id "
            "FROM expert_decisions WHERE case_id = $1 ORDER BY decision_id DESC LIMIT 1) AND expert = $2 "
            "AND undone_at IS NULL AND created_at > now() - make_interval(secs => $3) RETURNING case_id), "
            "back AS (UPDATE review_cases SET state = 'pending', holder = NULL, lease_until = NULL, fence = fence + 1 "
            "FROM undone WHERE review_cases.case_id = undone.case_id AND state <> 'in_review' RETURNING "
            "review_cases.case_id) INSERT INTO outbox (case_id) SELECT case_id FROM back RETURNING case_id",
            *(case_id, expert, window_s),
        )
        case = await self.case(case_id)
        if row is None:
            _refuse_undo(case, expert)
        return case

    async def sweep(self) -> int:
        rows = await self._pool.fetch(
            "WITH ended AS (UPDATE review_cases SET state = 'pending', holder = NULL, lease_until = NULL, "
            "claim_id = NULL WHERE case_id IN (SELECT case_id FROM review_cases WHERE state = 'in_review' AND lease_until < now() "
            "ORDER BY lease_until LIMIT 1000 FOR UPDATE SKIP LOCKED) RETURNING case_id) "
            "INSERT INTO outbox (case_id) SELECT case_id FROM ended RETURNING case_id"
        )
        return len(rows)

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
            "WHERE undone_at IS NULL AND expert_decisions.created_at > now() - make_interval(days => $1) "
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


def _refuse_undo(case: Case, expert: str) -> None:
    """Says why nothing was undone; nothing is said where it was undone before."""
    decision = case.decision
    if decision is None or decision.expert != expert:
        raise CaseStateWrong(f"reviewCases/{case.case_id} has no decision of yours to undo")
    if decision.undone_at is None:
        raise UndoWindowClosed(f"the decision on reviewCases/{case.case_id} is too old to be undone")


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
