"""The review service, behind a breaker."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from shodhana.api.review.v1 import review_pb2 as pb
from shodhana.api.review.v1 import review_pb2_grpc as grpc_api
from shodhana.errors import DomainError
from shodhana.runtime.breaker import CircuitBreaker

from ..domain.ports import DoubtfulPlace, ServiceMissing

TIMEOUT_S = 10.0


class ReviewClient:
    """The port `ReviewCases`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = grpc_api.ReviewServiceStub(channel)
        self._breaker = CircuitBreaker("review", failure_threshold=5, reset_s=1.0)

    async def create(self, places: Sequence[DoubtfulPlace], request_id: str) -> list[str]:
        request = pb.CreateCasesRequest(cases=map(_case, places), request_id=request_id)
        try:
            async with self._breaker:
                answer = await self._stub.CreateCases(request, timeout=TIMEOUT_S)
        except (grpc.aio.AioRpcError, DomainError) as error:
            raise ServiceMissing("the review service does not answer", retry_after_s=1) from error
        return list(answer.names)


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
