"""Domain values to messages and back, for the servicer and the workers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from shodhana.api.transcripts.v1 import transcripts_pb2 as pb
from shodhana.runtime.timestamps import duration

from .domain.assessment import Place, PlaceOutside
from .domain.corrected import Corrected, Correction, CorrectionOptions, Scored
from .domain.doubts import MAX_CANDIDATES
from .domain.finishing import CorrectedPlace, Finished
from .domain.formats import Format, Transcript
from .domain.matcher import Decision, Ranked, Status, Thresholds
from .domain.verses import RecitedVerse

FORMATS = {
    pb.TRANSCRIPT_FORMAT_SRT: Format.SRT,
    pb.TRANSCRIPT_FORMAT_VTT: Format.VTT,
    pb.TRANSCRIPT_FORMAT_WHISPER_JSON: Format.WHISPER_JSON,
    pb.TRANSCRIPT_FORMAT_TEXT: Format.TEXT,
}
FORMAT_NUMBERS = {layout: number for number, layout in FORMATS.items()}
FORMATS_BY_NUMBER: dict[int, Format] = {int(number): layout for number, layout in FORMATS.items()}
MAX_VIOLATIONS = 1000
MAX_OPEN = 1000


def options_of(message: pb.CorrectionOptions, defaults: Thresholds, request_id: str = "") -> CorrectionOptions:
    """Correction options over the deployment's defaults."""
    thresholds = defaults
    if message.HasField("apply_threshold"):
        thresholds = replace(thresholds, apply=message.apply_threshold)
    if message.HasField("suggest_threshold"):
        thresholds = replace(thresholds, suggest=message.suggest_threshold)
    if message.anglicised_terms:
        thresholds = replace(thresholds, keep_anglicised=message.anglicised_terms != pb.ANGLICISED_TERMS_RESTORE)
    return CorrectionOptions(
        thresholds,
        message.lexicon_version,
        message.validate_only,
        request_id,
        transliterate_devanagari=message.devanagari == pb.DEVANAGARI_WORDS_IAST,
    )


def response_of(corrected: Corrected, include_cues: bool) -> pb.CorrectTranscriptResponse:
    """The corrected file with its report."""
    response = pb.CorrectTranscriptResponse(
        filename=corrected.filename, content=corrected.content, report=report_of(corrected)
    )
    if include_cues:
        response.cues.extend(_cue_pairs(corrected.transcript, corrected.texts))
    return response


def report_of(corrected: Corrected) -> pb.CorrectionReport:
    """What was done, with the scores where they could be had."""
    report = pb.CorrectionReport(
        filename=corrected.transcript.filename,
        format=FORMAT_NUMBERS[corrected.transcript.format],
        requires_review=corrected.requires_review,
        corrections=map(_correction, corrected.corrections),
        lexicon_version=corrected.lexicon_version,
        degraded=bool(corrected.degradations),
        degradations=corrected.degradations,
        review_case_count=corrected.new_case_count,
        cue_count=len(corrected.transcript.cues),
        token_count=corrected.token_count,
        processing_duration=duration(corrected.duration_s),
        verses=map(_verse, corrected.recognised.verses),
        verse_index=corrected.recognised.index,
    )
    if corrected.quality is not None:
        scored = corrected.quality.report
        report.quality_report = corrected.quality.name
        report.scores.CopyFrom(scored.scores)
        report.gates.extend(scored.gates)
        report.violations.extend(scored.violations[:MAX_VIOLATIONS])
        report.explanations.extend(scored.explanations)
        report.doubtful_tokens.extend(scored.doubtful_tokens)
        report.spelling_variants.extend(scored.spelling_variants)
        report.thresholds.CopyFrom(scored.thresholds)
    return report


def places_of(report: pb.CorrectionReport) -> list[CorrectedPlace]:
    """The places of a report."""
    places = [
        CorrectedPlace(one.cue, one.start, one.end, one.heard, _applied(one), one.review_case)
        for one in report.corrections
    ]
    verses = [
        CorrectedPlace(one.first_cue, one.start, one.end, one.heard, "", one.review_case, one.last_cue)
        for one in report.verses
        if one.review_case
    ]
    return [*places, *verses]


def sent_place(place: pb.CorrectedPlace) -> CorrectedPlace:
    """A place as a caller sends it."""
    return CorrectedPlace(
        place.cue, place.start, place.end, place.heard, place.applied, place.review_case, place.last_cue
    )


def _applied(correction: pb.Correction) -> str:
    return correction.corrected if correction.status == pb.CORRECTION_STATUS_APPLIED else ""


def finished_of(finished: Finished, include_cues: bool) -> pb.ApplyDecisionsResponse:
    """The file with what is decided."""
    response = pb.ApplyDecisionsResponse(filename=finished.filename, content=finished.content)
    response.decisions.decided_count = finished.decided_count
    response.decisions.kept_count = finished.kept_count
    response.decisions.open_cases.extend(finished.open_cases[:MAX_OPEN])
    response.decisions.open_count = len(finished.open_cases)
    response.decisions.unwritten_cases.extend(finished.unwritten_cases[:MAX_OPEN])
    if include_cues:
        response.cues.extend(_cue_pairs(finished.transcript, finished.texts))
    return response


def _cue_pairs(transcript: Transcript, texts: Sequence[str]) -> Iterator[pb.CuePair]:
    for cue, text in zip(transcript.cues, texts, strict=True):
        yield pb.CuePair(index=cue.index, start_ms=cue.start_ms, end_ms=cue.end_ms, original=cue.text, corrected=text)


def scored_of(scored: Scored, include_cues: bool) -> pb.ScoreFileResponse:
    """The report of a file as it stands."""
    response = pb.ScoreFileResponse(report=scored.quality.report, degradations=scored.degradations)
    for cue in scored.transcript.cues if include_cues else ():
        response.cues.add(index=cue.index, start_ms=cue.start_ms, end_ms=cue.end_ms, text=cue.text)
    return response


def candidate_of(ranked: Ranked) -> pb.TermCandidate:
    """A candidate with its probability."""
    candidate = ranked.candidate
    return pb.TermCandidate(
        term=candidate.term,
        probability=round(ranked.probability, 3),
        domain=candidate.domain,
        reasons=ranked.reasons,
        gloss=candidate.gloss,
        devanagari=candidate.devanagari,
    )


def place_of(number: int, message: pb.PlaceInText) -> Place:
    """A place. Raises PlaceOutside."""
    if not message.start < message.end <= len(message.context):
        raise PlaceOutside(number)
    return Place(message.context, message.start, message.end)


def assessment_of(decision: Decision | None) -> pb.PlaceAssessment:
    """What would be done at a place."""
    if decision is None:
        return pb.PlaceAssessment(outcome=pb.PLACE_OUTCOME_LEFT)
    return pb.PlaceAssessment(
        outcome=getattr(pb, f"PLACE_OUTCOME_{decision.status.name}"),
        suggestions=[
            pb.PlaceSuggestion(candidate=candidate_of(ranked), text=ranked.text)
            for ranked in decision.ranked[:MAX_CANDIDATES]
        ],
    )


def _correction(correction: Correction) -> pb.Correction:
    decision, span = correction.decision, correction.decision.span
    applied = decision.status is Status.APPLIED
    return pb.Correction(
        cue=span.cue,
        start=span.start,
        end=span.end,
        heard=span.text,
        corrected=decision.best.text,
        probability=round(decision.best.probability, 3),
        status=pb.CORRECTION_STATUS_APPLIED if applied else pb.CORRECTION_STATUS_SUGGESTED,
        candidates=[candidate_of(ranked) for ranked in decision.ranked[:MAX_CANDIDATES]],
        review_case=correction.review_case,
        start_ms=correction.start_ms,
    )


def _verse(verse: RecitedVerse) -> pb.RecognisedVerse:
    found = verse.recitation
    return pb.RecognisedVerse(
        first_cue=verse.start.cue,
        last_cue=verse.end.cue,
        start=verse.start.character,
        end=verse.end.character,
        start_ms=verse.start_ms,
        end_ms=verse.end_ms,
        heard=verse.heard,
        reference=found.reference,
        lines=found.lines,
        devanagari=found.devanagari,
        metre=found.metre,
        confidence=round(found.confidence, 3),
        status=pb.CORRECTION_STATUS_SUGGESTED,
        reasons=found.reasons,
        alternatives=found.alternatives,
        source=found.source,
        license=found.license,
        review_case=verse.review_case,
    )
