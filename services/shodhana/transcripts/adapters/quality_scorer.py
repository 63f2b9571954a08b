"""The quality service, behind a breaker."""

from __future__ import annotations

import uuid

import grpc

from shodhana.api.quality.v1 import quality_pb2 as pb
from shodhana.api.quality.v1 import quality_pb2_grpc as grpc_api
from shodhana.errors import DomainError
from shodhana.runtime.breaker import CircuitBreaker

from ..domain.formats import Cue
from ..domain.ports import Quality, ServiceMissing, Term, TermStatus, ToScore

TIMEOUT_S = 10.0
MAX_EXPECTED = 500
STATUSES = {status: getattr(pb, f"TERM_STATUS_{status.name}") for status in TermStatus}


class QualityClient:
    """The port `TranscriptScorer`; `Quality.report` is a `QualityReport` message."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = grpc_api.QualityServiceStub(channel)
        self._breaker = CircuitBreaker("quality", failure_threshold=5, reset_s=1.0)

    async def score(self, transcript: ToScore) -> Quality:
        request = pb.ScoreTranscriptRequest(
            cues=[_cue(cue, text) for cue, text in zip(transcript.original, transcript.corrected, strict=True)],
            original_cues=[_cue(cue, cue.text) for cue in transcript.original],
            terms=map(_term, transcript.terms),
            subject=transcript.subject,
            validate_only=not transcript.store,
            request_id=(transcript.request_id or str(uuid.uuid4())) if transcript.store else "",
        )
        try:
            async with self._breaker:
                report = await self._stub.ScoreTranscript(request, timeout=TIMEOUT_S)
        except (grpc.aio.AioRpcError, DomainError) as error:
            raise ServiceMissing("the quality service does not answer", retry_after_s=1) from error
        return Quality(report.name, report.requires_review, report)


def _cue(cue: Cue, text: str) -> pb.Cue:
    message = pb.Cue(index=cue.index, text=text)
    if cue.start_ms is not None:
        message.start_ms = cue.start_ms
    if cue.end_ms is not None:
        message.end_ms = cue.end_ms
    return message


def _term(term: Term) -> pb.TermAnnotation:
    return pb.TermAnnotation(
        cue=term.cue,
        start=term.start,
        end=term.end,
        status=STATUSES[term.status],
        probability=term.probability,
        expected=term.expected[:MAX_EXPECTED],
    )
