"""The similarity service, behind a breaker."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from shodhana.api.similarity.v1 import similarity_pb2 as pb
from shodhana.api.similarity.v1 import similarity_pb2_grpc as grpc_api
from shodhana.errors import DomainError
from shodhana.runtime.breaker import CircuitBreaker

from ..domain.ports import Candidate, Candidates, Evidence, Heard, ServiceMissing, VersionNotFound

BATCH = 250  # a call of a second or so: what hangs is told from what works
TIMEOUT_S = 20.0
EVIDENCE = {
    pb.REASON_KIND_EXACT: Evidence.EXACT,
    pb.REASON_KIND_ALIAS: Evidence.ALIAS,
    pb.REASON_KIND_PHONETIC: Evidence.PHONETIC,
    pb.REASON_KIND_SOUND: Evidence.SOUND,
    pb.REASON_KIND_LEXICAL: Evidence.LEXICAL,
    pb.REASON_KIND_SEMANTIC: Evidence.SEMANTIC,
}


class SimilarityClient:
    """The port `CandidateSearch`."""

    def __init__(self, channel: grpc.aio.Channel, semantic: bool) -> None:
        self._stub = grpc_api.SimilarityServiceStub(channel)
        self._mode = pb.SEARCH_MODE_HYBRID if semantic else pb.SEARCH_MODE_LEXICAL
        self._breaker = CircuitBreaker("similarity", failure_threshold=5, reset_s=1.0)

    async def find(self, heard: Sequence[Heard], limit: int, lexicon_version: str) -> Candidates:
        lists: list[tuple[Candidate, ...]] = []
        version, degraded = lexicon_version, False
        options = pb.SearchOptions(limit=limit, mode=self._mode, lexicon_version=lexicon_version)
        for start in range(0, max(1, len(heard)), BATCH):
            part = heard[start : start + BATCH] or [Heard("oṃ")]  # nothing heard: asks for the version all the same
            queries = [pb.BatchQuery(query=item.text, context=item.context) for item in part]
            answer = await self._call(pb.BatchSearchRequest(queries=queries, options=options))
            lists.extend(tuple(map(_candidate, result.candidates)) for result in answer.results)
            version, degraded = answer.lexicon_version, degraded or answer.degraded
            options.lexicon_version = version  # one transcript, one version
        return Candidates(tuple(lists[: len(heard)]), version, degraded)

    async def _call(self, request: pb.BatchSearchRequest) -> pb.BatchSearchResponse:
        try:
            async with self._breaker:
                return await self._stub.BatchSearch(request, timeout=TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                raise VersionNotFound(error.details() or "no such lexicon version") from error
            raise ServiceMissing("the similarity service does not answer", retry_after_s=1) from error
        except DomainError as error:
            raise ServiceMissing("the similarity service does not answer", retry_after_s=1) from error


def _candidate(message: pb.Candidate) -> Candidate:
    return Candidate(
        term=message.term,
        domain=message.domain,
        gloss=message.gloss,
        devanagari=message.devanagari,
        score=message.score,
        evidence={EVIDENCE[reason.kind]: reason.score for reason in message.reasons},
        reasons=tuple(reason.text for reason in message.reasons),
        anglicised=message.anglicised,
    )
