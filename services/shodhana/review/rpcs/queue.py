"""Adding, claiming, deciding and taking back."""

from __future__ import annotations

import random
import unicodedata
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from shodhana.api.review.v1 import review_pb2 as pb
from shodhana.errors import FieldViolation, InvalidInput
from shodhana.runtime import metrics, telemetry
from shodhana.runtime.timestamps import timestamp
from shodhana.text.normalize import refused_characters

from ..domain.cases import Answer, Case, Claim, Lease, NewCase, Revocation, Verdict
from ..domain.errors import TextMissing
from ..domain.queue import reads_wanted
from .base import Rpcs, caller, require
from .translation import (
    VERDICTS_BY_NUMBER,
    case_id_of,
    case_message,
    case_name,
    decision_type,
    first_suggestion,
    lease_message,
    undo_deadline,
)

ASSIGN, WRITE = "cases:assign", "reviews:write"


class QueueRpcs(Rpcs):
    """What moves cases."""

    async def CreateCases(self, request: pb.CreateCasesRequest, context: Any) -> pb.CreateCasesResponse:
        share = self.settings.second_read_share
        added = await self.ports.queue.add([new_case(case, share) for case in request.cases], request.request_id)
        return pb.CreateCasesResponse(names=map(case_name, added.case_ids), created_count=added.new_count)

    async def ClaimCases(self, request: pb.ClaimCasesRequest, context: Any) -> pb.ClaimCasesResponse:
        return pb.ClaimCasesResponse(cases=await self._claimed(self._claim_of(request)))

    def _claim_of(self, request: pb.ClaimCasesRequest) -> Claim:
        if request.include_escalated or request.include_disputed:
            require(ASSIGN)
        return Claim(
            count=request.count or 1,
            domains=tuple(dict.fromkeys(request.domains)),
            expert=caller(),
            lease_s=request.lease_duration.ToTimedelta().total_seconds() or self.settings.lease_s,
            claim_id=request.request_id.lower() or str(uuid.uuid4()),
            with_escalated=request.include_escalated,
            with_disputed=request.include_disputed,
            case_ids=tuple(map(case_id_of, request.names)),
        )

    async def _claimed(self, claim: Claim) -> list[pb.ClaimedCase]:
        return [
            pb.ClaimedCase(review_case=case_message(case, claim.expert), lease=lease_message(lease))
            for case, lease in await self._claim(claim)
        ]

    async def _claim(self, claim: Claim) -> Sequence[tuple[Case, Lease]]:
        """The cases of a claim; now and then one of them is one whose answer is known."""
        if claim.case_ids or random.random() >= self.settings.gold_share:
            return await self.ports.queue.claim(claim)
        others = await self.ports.queue.claim(replace(claim, count=claim.count - 1)) if claim.count > 1 else []
        if len(others) == claim.count:  # a repeated claim, answered in full before
            return others
        gold = await self.ports.gold.hand_out(claim, like=random.choice(others)[0] if others else None)
        if gold is not None:
            return sorted([*others, gold], key=lambda held: (held[0].rank_at, held[0].case_id))
        return others or await self.ports.queue.claim(claim)

    async def HeartbeatCases(self, request: pb.HeartbeatCasesRequest, context: Any) -> pb.HeartbeatCasesResponse:
        leases = [Lease(case_id_of(lease.review_case), lease.fencing_token) for lease in request.leases]
        lease_s = request.lease_duration.ToTimedelta().total_seconds() or self.settings.lease_s
        held = await self.ports.queue.prolong(leases, caller(), lease_s)
        kept = {lease.case_id for lease in held}
        lost = [case_name(lease.case_id) for lease in leases if lease.case_id not in kept]
        return pb.HeartbeatCasesResponse(leases=map(lease_message, held), lost=lost)

    async def DecideCase(self, request: pb.DecideCaseRequest, context: Any) -> pb.DecideCaseResponse:
        following = None
        if request.HasField("claim_next"):
            require(WRITE)
            following = self._claim_of(request.claim_next)
        answer = _answer(request, VERDICTS_BY_NUMBER[request.verdict], decision_type(request.decision_type))
        text, term = decided(answer.verdict, request.decided_text, request.decided_term)
        answer = replace(answer, decided_text=text, decided_term=term)
        case = await self._decided(answer)
        return pb.DecideCaseResponse(
            review_case=case_message(case),
            undo_deadline=timestamp(undo_deadline(case, self.settings.undo_window_s)),
            next_cases=await self._claimed(following) if following else (),
        )

    async def UndoDecision(self, request: pb.UndoDecisionRequest, context: Any) -> pb.ReviewCase:
        window_s = self.settings.undo_window_s
        case_id = case_id_of(request.name)
        return case_message(await self.ports.queue.undo(case_id, caller(), window_s, request.request_id))

    async def RevokeDecision(self, request: pb.RevokeDecisionRequest, context: Any) -> pb.ReviewCase:
        case, _, decision = request.name.partition("/decisions/")
        revocation = Revocation(case_id_of(case), int(decision), caller(), request.comment, request.request_id)
        return case_message(await self.ports.queue.revoke(revocation))

    async def SkipCase(self, request: pb.SkipCaseRequest, context: Any) -> pb.ReviewCase:
        return case_message(await self._decided(_answer(request, Verdict.SKIP)))

    async def EscalateCase(self, request: pb.EscalateCaseRequest, context: Any) -> pb.ReviewCase:
        return case_message(await self._decided(_answer(request, Verdict.ESCALATE)))

    async def _decided(self, answer: Answer) -> Case:
        case = await self.ports.queue.decide(answer)
        metrics.DECISIONS.labels(answer.verdict.value).inc()
        telemetry.annotate(domain=case.domain, verdict=answer.verdict.value)
        return case


def new_case(case: pb.NewCase, second_read_share: float = 0) -> NewCase:
    """The domain's case; a share of those that say nothing of it is read twice."""
    place = f"{case.filename} {case.cue} {case.start} {case.heard}"
    has_place = bool(case.filename and case.cue)
    return NewCase(
        domain=case.domain,
        heard=case.heard,
        filename=case.filename,
        body=case.SerializeToString(),
        boost=case.boost,
        reads=reads_wanted(case.reads, second_read_share, place),
        suggestion=first_suggestion(case.suggestions),
        place=(place, str(case.end), case.context) if has_place else (),
    )


def decided(verdict: Verdict, text: str, term: str) -> tuple[str, str]:
    """Text and headword of a verdict, composed (NFC).

    Raises TextMissing for a correction without a text, InvalidInput for one that no transcript may hold.
    """
    if verdict is Verdict.REJECT:
        return "", ""
    _check({"decided_text": text, "decided_term": term})
    if verdict is Verdict.CORRECT and not text.strip():
        raise TextMissing
    return unicodedata.normalize("NFC", text.strip()), unicodedata.normalize("NFC", term.strip())


def _check(texts: dict[str, str]) -> None:
    found = [
        FieldViolation(field, f"{name} is not allowed in a transcript")
        for field, text in texts.items()
        for _, name in refused_characters(text)[:1]
    ]
    found += (
        FieldViolation(field, "a blank line would end its cue")
        for field, text in texts.items()
        if not all(line.strip() for line in text.strip().splitlines())
    )
    if found:
        raise InvalidInput(f"{found[0].field}: {found[0].description}", found)


def _answer(request: Any, verdict: Verdict, kind: str = "manual_override") -> Answer:
    return Answer(
        case_id=case_id_of(request.name),
        fence=request.fencing_token,
        verdict=verdict,
        decision_type=kind,
        decided_text="",
        comment=request.comment,
        expert=caller(),
        request_id=request.request_id,
    )
