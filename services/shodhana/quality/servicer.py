"""Translates between the quality contract and the scoring."""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from dataclasses import asdict, dataclass
from typing import Any

from shodhana.api.quality.v1 import quality_pb2 as pb
from shodhana.api.quality.v1 import quality_pb2_grpc as grpc_api
from shodhana.runtime import metrics, telemetry
from shodhana.runtime.cache import LayeredCache
from shodhana.runtime.cache_tally import CacheDay, CacheTally
from shodhana.runtime.pages import PageTokenInvalid, decode_page_token, encode_page_token
from shodhana.runtime.timestamps import timestamp

from .domain.attested import AttestedForms
from .domain.lexicon import Lexicon
from .domain.reports import DailyStats, NewReport, ReportQuery, ReportStore, StoredReport
from .domain.scoring import score_transcript
from .domain.values import Cue, Policy, Scores, Status, Term, Transcript
from .translation import message_of

DEFAULT_PAGE, DEFAULT_DAYS = 20, 30
STATUSES = {status: getattr(pb, f"TERM_STATUS_{status.name}") for status in Status}
STATUSES_BY_NUMBER = {number: status for status, number in STATUSES.items()}


@dataclass(frozen=True, slots=True)
class QualityServicer(grpc_api.QualityServiceServicer):
    """Scores in a thread; keeps what it scored for the same text and lexicon."""

    lexicon: Lexicon
    store: ReportStore
    cache: LayeredCache
    tally: CacheTally
    policy: Policy
    forms: AttestedForms

    async def ScoreTranscript(self, request: pb.ScoreTranscriptRequest, context: Any) -> pb.QualityReport:
        kept = await self.cache.get_or_load(self._key(request), lambda: self._score(request))
        message = pb.QualityReport.FromString(zlib.decompress(kept))
        message.subject = request.subject
        telemetry.annotate(
            cue_count=len(request.cues),
            lexicon_version=message.lexicon_version,
            requires_review=message.requires_review,
        )
        if message.scores.HasField("academic_score"):
            metrics.ACADEMIC_SCORE.observe(message.scores.academic_score, telemetry.exemplar())
        if request.validate_only:
            return message
        new = NewReport(
            subject=request.subject,
            scores=_scores_of(message),
            requires_review=message.requires_review,
            lexicon_version=message.lexicon_version,
            body=message.SerializeToString(),
            request_id=request.request_id or None,
        )
        return _stored(await self.store.add(new))

    async def GetReport(self, request: pb.GetReportRequest, context: Any) -> pb.QualityReport:
        return _stored(await self.store.get(int(request.name.rpartition("/")[2])))

    async def ListReports(self, request: pb.ListReportsRequest, context: Any) -> pb.ListReportsResponse:
        size = request.page_size or DEFAULT_PAGE
        before = decode_page_token(request.page_token).get("before")
        if before is not None and not (type(before) is int and 0 <= before < 2**63):
            raise PageTokenInvalid
        found = await self.store.find(ReportQuery(request.subject, request.requires_review, before, size + 1))
        messages = [_stored(report) for report in found[:size]]
        for message in messages:
            for details in ("violations", "explanations", "doubtful_tokens", "spelling_variants"):
                message.ClearField(details)
        token = encode_page_token({"before": found[size - 1].report_id}) if len(found) > size else ""
        return pb.ListReportsResponse(reports=messages, next_page_token=token)

    async def GetDailyStats(self, request: pb.GetDailyStatsRequest, context: Any) -> pb.GetDailyStatsResponse:
        days, refreshed_at = await self.store.daily_stats(request.days or DEFAULT_DAYS)
        return pb.GetDailyStatsResponse(days=map(_day, days), refresh_time=timestamp(refreshed_at))

    async def GetCacheStats(self, request: pb.GetCacheStatsRequest, context: Any) -> pb.GetCacheStatsResponse:
        found = await self.tally.last_days(request.days or DEFAULT_DAYS)
        return pb.GetCacheStatsResponse(days=map(_cache_day, found))

    async def _score(self, request: pb.ScoreTranscriptRequest) -> bytes:
        transcript = Transcript(
            cues=tuple(map(_cue, request.cues)),
            original=tuple(map(_cue, request.original_cues)),
            terms=tuple(map(_term, request.terms)),
        )
        report = await asyncio.to_thread(score_transcript, transcript, self.lexicon.terms(), self.policy, self.forms)
        return zlib.compress(message_of(report).SerializeToString(), level=1)  # a quarter of the memory

    def _key(self, request: pb.ScoreTranscriptRequest) -> str:
        scored = pb.ScoreTranscriptRequest(
            cues=request.cues, original_cues=request.original_cues, terms=request.terms
        ).SerializeToString(deterministic=True)
        known = self.lexicon.terms()
        digest = hashlib.blake2b(scored, digest_size=16).hexdigest()
        lexicon = f"{known.version}@{known.digest}" if known else ""
        return f"quality:{lexicon}:{self.policy.version}:{self.forms.version}:{digest}"


def _cue(message: pb.Cue) -> Cue:
    start = message.start_ms if message.HasField("start_ms") else None
    end = message.end_ms if message.HasField("end_ms") else None
    return Cue(message.index, start, end, message.text)


def _term(message: pb.TermAnnotation) -> Term:
    status = STATUSES_BY_NUMBER.get(message.status, Status.UNRESOLVED)
    return Term(message.cue, message.start, message.end, status, message.probability, message.expected)


def _scores_of(message: pb.QualityReport) -> Scores:
    return Scores(**{field.name: value for field, value in message.scores.ListFields()})


def _stored(stored: StoredReport) -> pb.QualityReport:
    message = pb.QualityReport.FromString(stored.body)
    message.name = f"qualityReports/{stored.report_id}"
    created = timestamp(stored.created_at)
    if created is not None:
        message.create_time.CopyFrom(created)
    return message


def _day(day: DailyStats) -> pb.DailyStats:
    fields = {name: value for name, value in asdict(day).items() if value is not None and name != "day"}
    return pb.DailyStats(date=day.day.isoformat(), **fields)


def _cache_day(one: CacheDay) -> pb.CacheDayStats:
    counts = one.counts
    return pb.CacheDayStats(date=one.day.isoformat(), cache=one.cache, hit_count=counts.hits, miss_count=counts.misses)
