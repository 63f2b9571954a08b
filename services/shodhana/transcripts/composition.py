"""Puts the corrector together, for the service and for the workers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import grpc

from shodhana.api.transcripts.v1 import transcripts_pb2 as pb
from shodhana.errors import DomainError
from shodhana.runtime.errors import to_status

from . import signals
from .adapters.quality_scorer import QualityClient
from .adapters.review_cases import ReviewClient
from .adapters.similarity_search import SimilarityClient
from .adapters.verse_search import VerseClient
from .domain.english import WordFrequencies
from .domain.jobs import ClaimedFile, FileResult
from .domain.pipeline import TranscriptCorrector
from .domain.ports import ReviewCases, ServiceMissing
from .domain.rechecks import Differs, FinishedFile, terms_of
from .domain.runner import Corrects
from .domain.verses import VerseRecogniser
from .settings import TranscriptsSettings
from .translation import FORMATS_BY_NUMBER, options_of, response_of

Channel = Callable[[str], grpc.aio.Channel]


def build_cases(channel: Channel, settings: TranscriptsSettings) -> ReviewCases | None:
    """What experts are asked and decide; None where review is switched off."""
    return ReviewClient(channel("review")) if settings.enable_epic_3 else None


def build_corrector(channel: Channel, settings: TranscriptsSettings, cases: ReviewCases | None) -> TranscriptCorrector:
    """The corrector over the other services; without the semantic layer where it is switched off."""
    english = WordFrequencies()
    verses = VerseRecogniser(VerseClient(channel("similarity")), english, cases) if settings.enable_epic_3 else None
    return TranscriptCorrector(
        search=SimilarityClient(channel("similarity"), settings.enable_epic_3),
        scorer=QualityClient(channel("quality")),
        cases=cases,
        english=english,
        verses=verses,
    )


def correct_claimed(corrector: TranscriptCorrector, settings: TranscriptsSettings) -> Corrects:
    """Corrects a claimed file; its result is the response that CorrectTranscript would give."""

    async def correct(claimed: ClaimedFile) -> FileResult:
        options = pb.CorrectionOptions.FromString(claimed.options)
        corrected = await corrector.correct(
            claimed.content,
            claimed.filename,
            FORMATS_BY_NUMBER.get(claimed.layout),
            options_of(options, settings.thresholds(), file_request_id(claimed.file_id)),
        )
        signals.corrected(corrected)
        response = response_of(corrected, include_cues=True)
        scores = response.report.scores.SerializeToString()
        terms = await asyncio.to_thread(terms_of, corrected.transcript.cues, WordFrequencies())
        return FileResult(response.SerializeToString(), scores, corrected.requires_review, terms)

    return correct


def differs_now(corrector: TranscriptCorrector, settings: TranscriptsSettings) -> Differs:
    """Corrects a finished file again, for a look at the difference only."""

    async def differs(file: FinishedFile) -> tuple[bool, str]:
        options = pb.CorrectionOptions.FromString(file.options)
        options.validate_only = True
        options.lexicon_version = file.lexicon_version
        layout = FORMATS_BY_NUMBER.get(file.layout)
        wanted = options_of(options, settings.thresholds())
        corrected = await corrector.correct(file.content, file.filename, layout, wanted)
        if corrected.degradations:
            raise ServiceMissing("a part is missing: the file cannot be compared", retry_after_s=1)
        before = pb.CorrectTranscriptResponse.FromString(file.result)
        return before.content != corrected.content, corrected.lexicon_version

    return differs


def file_request_id(file_id: int) -> str:
    """A UUID that is the same at every attempt, so that a repeated correction stores and queues nothing twice."""
    return f"00000000-0000-4000-8000-{file_id:012x}"


def status_bytes(error: DomainError) -> bytes:
    """The error as a stored `google.rpc.Status`."""
    return bytes(to_status(error, "").SerializeToString())
