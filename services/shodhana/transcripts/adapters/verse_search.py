"""The verses of the similarity service, behind a breaker."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from shodhana.api.similarity.v1 import verses_pb2 as pb
from shodhana.api.similarity.v1 import verses_pb2_grpc as grpc_api
from shodhana.errors import DomainError
from shodhana.runtime.breaker import CircuitBreaker
from shodhana.text.transliterate import devanagari_of_line

from ..domain.ports import ServiceMissing
from ..domain.verses import Recitation, RecitedText

BATCH = 200
TIMEOUT_S = 10.0


class VerseClient:
    """The port `VerseSearch`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = grpc_api.VerseServiceStub(channel)
        self._breaker = CircuitBreaker("verses", failure_threshold=5, reset_s=1.0)

    async def find(self, texts: Sequence[str], min_confidence: float) -> tuple[list[RecitedText], str]:
        found: list[RecitedText] = []
        index = ""
        for start in range(0, len(texts), BATCH):
            request = pb.SearchVersesRequest(texts=texts[start : start + BATCH], min_confidence=min_confidence)
            answer = await self._call(request)
            found.extend(map(_recited, answer.results))
            index = answer.verse_index
        return found, index

    async def _call(self, request: pb.SearchVersesRequest) -> pb.SearchVersesResponse:
        try:
            async with self._breaker:
                return await self._stub.SearchVerses(request, timeout=TIMEOUT_S)
        except (grpc.aio.AioRpcError, DomainError) as error:
            raise ServiceMissing("verses cannot be searched", retry_after_s=1) from error


def _recited(message: pb.RecitedVerses) -> RecitedText:
    return RecitedText(tuple(map(_recitation, message.recitations)), message.metre)


def _recitation(message: pb.Recitation) -> Recitation:
    verse = message.verse
    return Recitation(
        start=message.start,
        end=message.end,
        reference=verse.reference,
        lines=tuple(message.lines),
        devanagari="\n".join(map(devanagari_of_line, message.lines)),
        metre=verse.metre,
        confidence=message.confidence,
        reasons=tuple(message.reasons),
        alternatives=tuple(message.alternatives),
        source=verse.source,
        license=verse.license,
    )
