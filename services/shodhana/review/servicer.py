"""Translates between the review contract and the queue."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shodhana.api.review.v1 import review_pb2 as pb
from shodhana.api.review.v1 import review_pb2_grpc as grpc_api
from shodhana.errors import PermissionDenied
from shodhana.runtime import auth
from shodhana.runtime.pages import PageTokenInvalid, decode_page_token, encode_page_token
from shodhana.runtime.timestamps import duration, timestamp

from .domain.queue import (
    Answer,
    Case,
    CaseChanges,
    CaseQuery,
    Claim,
    Decision,
    Lease,
    NewCase,
    ReviewQueue,
    State,
    TextMissing,
    Verdict,
)
from .settings import ReviewSettings

STATES = {state: getattr(pb, f"CASE_STATE_{state.name}") for state in State}
STATES_BY_NUMBER = {number: state for state, number in STATES.items()}
VERDICTS = {verdict: getattr(pb, f"VERDICT_{verdict.name}") for verdict in Verdict}
VERDICTS_BY_NUMBER = {number: verdict for verdict, number in VERDICTS.items()}
OPEN = (State.PENDING, State.IN_REVIEW)
DEFAULT_PAGE, DEFAULT_DAYS = 20, 30
ASSIGN = "cases:assign"
MAX_CASE_ID = 10**18


@dataclass(frozen=True, slots=True)
class ReviewServicer(grpc_api.ReviewServiceServicer):
    """The queue, for the caller of each RPC."""

    queue: ReviewQueue
    changes: CaseChanges
    settings: ReviewSettings

    async def CreateCases(self, request: pb.CreateCasesRequest, context: Any) -> pb.CreateCasesResponse:
        cases = [
            NewCase(case.domain, case.heard, case.filename, case.SerializeToString(), case.boost)
            for case in request.cases
        ]
        ids = await self.queue.add(cases, request.request_id)
        return pb.CreateCasesResponse(names=[f"reviewCases/{case_id}" for case_id in ids])

    async def GetCase(self, request: pb.GetCaseRequest, context: Any) -> pb.ReviewCase:
        return _case(await self.queue.case(_case_id(request.name)))

    async def ListCases(self, request: pb.ListCasesRequest, context: Any) -> pb.ListCasesResponse:
        size = request.page_size or DEFAULT_PAGE
        list_id = _list_id(request)
        query = CaseQuery(
            states=tuple(STATES_BY_NUMBER[number] for number in request.states) or OPEN,
            domains=tuple(request.domains),
            filename=request.filename,
            after=_position(request.page_token, list_id),
            limit=size + 1,
        )
        found = await self.queue.find(query)
        token = ""
        if len(found) > size:
            last = found[size - 1]
            token = encode_page_token({"list": list_id, "rank": last.rank_at.isoformat(), "id": last.case_id})
        return pb.ListCasesResponse(cases=map(_case, found[:size]), next_page_token=token)

    async def ClaimCases(self, request: pb.ClaimCasesRequest, context: Any) -> pb.ClaimCasesResponse:
        if request.include_escalated and ASSIGN not in auth.principal().permissions:
            raise PermissionDenied(f"escalated cases need permission {ASSIGN}", metadata={"permission": ASSIGN})
        claim = Claim(
            count=request.count or 1,
            domains=tuple(dict.fromkeys(request.domains)),
            expert=_caller(),
            lease_s=request.lease_duration.ToTimedelta().total_seconds() or self.settings.lease_s,
            claim_id=request.request_id or str(uuid.uuid4()),
            with_escalated=request.include_escalated,
        )
        held = await self.queue.claim(claim)
        return pb.ClaimCasesResponse(
            cases=[pb.ClaimedCase(review_case=_case(case), lease=_lease(lease)) for case, lease in held]
        )

    async def HeartbeatCases(self, request: pb.HeartbeatCasesRequest, context: Any) -> pb.HeartbeatCasesResponse:
        leases = [Lease(_case_id(lease.review_case), lease.fencing_token) for lease in request.leases]
        lease_s = request.lease_duration.ToTimedelta().total_seconds() or self.settings.lease_s
        held = await self.queue.prolong(leases, _caller(), lease_s)
        kept = {lease.case_id for lease in held}
        lost = [f"reviewCases/{lease.case_id}" for lease in leases if lease.case_id not in kept]
        return pb.HeartbeatCasesResponse(leases=map(_lease, held), lost=lost)

    async def DecideCase(self, request: pb.DecideCaseRequest, context: Any) -> pb.DecideCaseResponse:
        verdict = VERDICTS_BY_NUMBER[request.verdict]
        text = request.decided_text
        if verdict is Verdict.CORRECT and not text:
            raise TextMissing
        if verdict is Verdict.ACCEPT and not text:
            text = _first_suggestion(await self.queue.case(_case_id(request.name)))
        kind = pb.DecisionType.Name(request.decision_type or pb.DECISION_TYPE_LEXICON_CORRECTION)
        answer = self._answer(request, verdict, text, kind.removeprefix("DECISION_TYPE_").lower())
        case = await self.queue.decide(answer)
        decided_at = case.decision.created_at if case.decision else case.created_at
        deadline = decided_at + timedelta(seconds=self.settings.undo_window_s)
        return pb.DecideCaseResponse(review_case=_case(case), undo_deadline=timestamp(deadline))

    async def UndoDecision(self, request: pb.UndoDecisionRequest, context: Any) -> pb.ReviewCase:
        window_s = self.settings.undo_window_s
        return _case(await self.queue.undo(_case_id(request.name), _caller(), window_s, request.request_id))

    async def SkipCase(self, request: pb.SkipCaseRequest, context: Any) -> pb.ReviewCase:
        return _case(await self.queue.decide(self._answer(request, Verdict.SKIP, "", "manual_override")))

    async def EscalateCase(self, request: pb.EscalateCaseRequest, context: Any) -> pb.ReviewCase:
        return _case(await self.queue.decide(self._answer(request, Verdict.ESCALATE, "", "manual_override")))

    async def WatchCases(self, request: pb.WatchCasesRequest, context: Any) -> AsyncIterator[pb.WatchCasesResponse]:
        async with self.changes.watch() as changes:
            yield pb.WatchCasesResponse(counts=_counts(await self.queue.counts()))
            while True:
                case_id = await changes.get()
                if case_id is None:
                    yield pb.WatchCasesResponse(counts=_counts(await self.queue.counts()))
                    continue
                case = await self.queue.case(case_id)
                if not request.domains or case.domain in request.domains:
                    yield pb.WatchCasesResponse(review_case=_case(case))

    async def GetStatistics(self, request: pb.GetStatisticsRequest, context: Any) -> pb.ReviewStatistics:
        found = await self.queue.statistics(request.days or DEFAULT_DAYS)
        return pb.ReviewStatistics(
            counts=_counts(found.counts),
            oldest_pending_age=duration(found.oldest_pending.total_seconds()) if found.oldest_pending else None,
            overdue_count=found.overdue_count,
            experts=[
                pb.ExpertStatistics(
                    expert=expert.expert,
                    decision_count=expert.decision_count,
                    accept_count=expert.accept_count,
                    correct_count=expert.correct_count,
                    reject_count=expert.reject_count,
                    median_duration=duration(expert.median_s) if expert.median_s is not None else None,
                )
                for expert in found.experts
            ],
            domains=[
                pb.DomainStatistics(domain=domain, pending_count=pending, decision_count=decided)
                for domain, (pending, decided) in found.domains.items()
            ],
        )

    def _answer(self, request: Any, verdict: Verdict, text: str, kind: str) -> Answer:
        return Answer(
            case_id=_case_id(request.name),
            fence=request.fencing_token,
            verdict=verdict,
            decision_type=kind,
            decided_text=text,
            comment=request.comment,
            expert=_caller(),
            request_id=request.request_id,
        )


def _caller() -> str:
    return auth.principal().subject


def _case_id(name: str) -> int:
    return int(name.removeprefix("reviewCases/"))


def _list_id(request: pb.ListCasesRequest) -> str:
    """Which list a page token belongs to."""
    query = pb.ListCasesRequest(states=request.states, domains=request.domains, filename=request.filename)
    return hashlib.sha256(query.SerializeToString(deterministic=True)).hexdigest()[:16]


def _position(page_token: str, list_id: str) -> tuple[datetime, int] | None:
    """Where the page before ended. Raises PageTokenInvalid for a token of another list."""
    if not page_token:
        return None
    token = decode_page_token(page_token)
    try:
        rank_at, case_id = datetime.fromisoformat(token["rank"]), int(token["id"])
    except (KeyError, TypeError, ValueError) as error:
        raise PageTokenInvalid from error
    if token.get("list") != list_id or rank_at.tzinfo is None or not 0 < case_id < MAX_CASE_ID:
        raise PageTokenInvalid
    return rank_at, case_id


def _first_suggestion(case: Case) -> str:
    suggestions = pb.NewCase.FromString(case.body).suggestions
    if not suggestions:
        raise TextMissing
    return suggestions[0].text or suggestions[0].term


def _case(case: Case) -> pb.ReviewCase:
    new = pb.NewCase.FromString(case.body)
    message = pb.ReviewCase(
        name=f"reviewCases/{case.case_id}",
        state=STATES[case.state],
        domain=case.domain,
        heard=new.heard,
        context=new.context,
        context_start=new.context_start,
        context_end=new.context_end,
        suggestions=new.suggestions,
        filename=new.filename,
        cue=new.cue,
        start=new.start,
        end=new.end,
        lexicon_version=new.lexicon_version,
        create_time=timestamp(case.created_at),
        due_time=timestamp(case.due_at),
        holder=case.holder or "",
        decision=_decision(case, case.decision) if case.decision else None,
    )
    if new.HasField("start_ms"):
        message.start_ms = new.start_ms
    return message


def _decision(case: Case, decision: Decision) -> pb.Decision:
    return pb.Decision(
        name=f"reviewCases/{case.case_id}/decisions/{decision.decision_id}",
        verdict=VERDICTS[decision.verdict],
        decision_type=getattr(pb, f"DECISION_TYPE_{decision.decision_type.upper()}"),
        decided_text=decision.decided_text,
        comment=decision.comment,
        expert=decision.expert,
        create_time=timestamp(decision.created_at),
        undo_time=timestamp(decision.undone_at),
    )


def _lease(lease: Lease) -> pb.Lease:
    return pb.Lease(
        review_case=f"reviewCases/{lease.case_id}", fencing_token=lease.fence, expire_time=timestamp(lease.until)
    )


def _counts(counts: dict[State, int]) -> pb.QueueCounts:
    return pb.QueueCounts(**{state.value: count for state, count in counts.items()})
