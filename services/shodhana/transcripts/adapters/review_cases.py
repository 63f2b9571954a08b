"""The review service, behind a breaker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import grpc
from google.protobuf.message import Message

from shodhana.api.review.v1 import review_pb2 as pb
from shodhana.api.review.v1 import review_pb2_grpc as grpc_api
from shodhana.errors import DomainError
from shodhana.runtime.breaker import CircuitBreaker

from ..domain.ports import DoubtfulPlace, Queued, Ruling, ServiceMissing

TIMEOUT_S = 10.0
MOST_AT_ONCE = 1000
DECIDED = (pb.CASE_STATE_APPROVED, pb.CASE_STATE_REJECTED)


class ReviewClient:
    """The port `ReviewCases`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = grpc_api.ReviewServiceStub(channel)
        self._breaker = CircuitBreaker("review", failure_threshold=5, reset_s=1.0)

    async def create(self, places: Sequence[DoubtfulPlace], request_id: str) -> Queued:
        request = pb.CreateCasesRequest(cases=map(_case, places), request_id=request_id)
        answer = await self._ask(self._stub.CreateCases, request)
        return Queued(tuple(answer.names), answer.created_count)

    async def rulings(self, names: Sequence[str]) -> dict[str, Ruling]:
        wanted = list(dict.fromkeys(names))
        found: dict[str, Ruling] = {}
        for start in range(0, len(wanted), MOST_AT_ONCE):
            request = pb.BatchGetCasesRequest(names=wanted[start : start + MOST_AT_ONCE])
            answer = await self._ask(self._stub.BatchGetCases, request)
            found |= {case.name: _ruling(case) for case in answer.cases if case.state in DECIDED}
        return found

    async def _ask(self, call: Callable[..., Awaitable[Any]], request: Message) -> Any:
        try:
            async with self._breaker:
                return await call(request, timeout=TIMEOUT_S)
        except (grpc.aio.AioRpcError, DomainError) as error:
            raise ServiceMissing("the review service does not answer", retry_after_s=1) from error


def _ruling(case: pb.ReviewCase) -> Ruling:
    return Ruling(case.decision.decided_text if case.state == pb.CASE_STATE_APPROVED else None)


def _case(place: DoubtfulPlace) -> pb.NewCase:
    message = pb.NewCase(
        domain=place.suggestions[0].candidate.domain,
        heard=place.heard[:200],
        context=place.context[:2000],
        context_start=place.context_start,
        context_end=place.context_start + len(place.heard),
        suggestions=[
            pb.Suggestion(
                term=one.candidate.term,
                text=one.text,
                probability=one.probability,
                domain=one.candidate.domain,
                reasons=one.reasons,
                gloss=one.candidate.gloss,
                devanagari=one.candidate.devanagari,
            )
            for one in place.suggestions
        ],
        filename=place.filename,
        cue=place.cue,
        start=place.start,
        end=place.end,
        lexicon_version=place.lexicon_version,
        boost=place.boost,
    )
    if place.start_ms is not None:
        message.start_ms = place.start_ms
    return message
