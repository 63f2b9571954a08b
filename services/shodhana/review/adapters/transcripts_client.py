"""The correction of the transcripts service, behind a breaker: what it would do at places, and its finished files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc

from shodhana.api.review.v1 import review_pb2
from shodhana.api.transcripts.v1 import transcripts_pb2 as pb
from shodhana.api.transcripts.v1 import transcripts_pb2_grpc as grpc_api
from shodhana.errors import DomainError
from shodhana.runtime.breaker import CircuitBreaker

from ..domain.places import Assessment, Place, PlaceOutcome, Suggested
from ..domain.publications import PartMissing

BATCH = 10
TIMEOUT_S = 30.0
OUTCOMES = {getattr(pb, f"PLACE_OUTCOME_{outcome.name}"): outcome for outcome in PlaceOutcome}


class TranscriptsClient:
    """The ports `Places` and `FinishedFiles`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = grpc_api.TranscriptServiceStub(channel)
        self._breaker = CircuitBreaker("transcripts", failure_threshold=5, reset_s=1.0)

    async def assess(self, places: Sequence[Place], version: str) -> list[Assessment]:
        found: list[Assessment] = []
        for start, end in _batches(len(places)):
            part = [
                pb.PlaceInText(context=place.context, start=place.start, end=place.end) for place in places[start:end]
            ]
            request = pb.AssessPlacesRequest(places=part, lexicon_version=version)
            answer = await self._call(self._stub.AssessPlaces, request)
            if answer.degraded:
                raise PartMissing(f"the vectors of {version} are not there yet", retry_after_s=1)
            found.extend(map(_assessment, answer.assessments))
        return found

    async def recheck(self, heard: Sequence[str], version: str) -> int:
        request = pb.RecheckFilesRequest(heard=heard, lexicon_version=version)
        return int((await self._call(self._stub.RecheckFiles, request)).file_count)

    async def count(self, heard: Sequence[str]) -> int:
        request = pb.RecheckFilesRequest(heard=heard, validate_only=True)
        return int((await self._call(self._stub.RecheckFiles, request)).file_count)

    async def _call(self, method: Any, request: Any) -> Any:
        try:
            async with self._breaker:
                return await method(request, timeout=TIMEOUT_S)
        except (grpc.aio.AioRpcError, DomainError) as error:
            raise PartMissing("the transcripts service does not answer", retry_after_s=1) from error


def _batches(count: int) -> list[tuple[int, int]]:
    """One place first: it tells whether the vectors are there, before many are searched in vain."""
    starts = [0, *range(1, count, BATCH)] if count else []
    return list(zip(starts, [*starts[1:], count], strict=True))


def _assessment(message: pb.PlaceAssessment) -> Assessment:
    return Assessment(OUTCOMES[message.outcome], tuple(map(_suggested, message.suggestions)))


def _suggested(one: pb.PlaceSuggestion) -> Suggested:
    candidate = one.candidate
    message = review_pb2.Suggestion(
        term=candidate.term,
        text=one.text,
        probability=candidate.probability,
        domain=candidate.domain,
        reasons=candidate.reasons,
        gloss=candidate.gloss,
        devanagari=candidate.devanagari,
    )
    return Suggested(candidate.term, one.text, candidate.probability, message)
