"""The report file: the stable interface for evaluation scripts."""

from __future__ import annotations

from typing import Any

from shodhana.api.transcripts.v1 import transcripts_pb2 as pb

from .explanation import explanation_document

SCORES = ("iast_compliance", "sanskrit_accuracy", "academic_score", "overall_score")
MORE_SCORES = ("spelling_consistency", "format_integrity", "preservation")
STATUSES = {pb.CORRECTION_STATUS_APPLIED: "applied", pb.CORRECTION_STATUS_SUGGESTED: "suggested"}


def report_document(report: pb.CorrectionReport) -> dict[str, Any]:
    """The report as JSON types; scores that are absent are None."""
    return {
        "filename": report.filename,
        "scores": scores_document(report.scores),
        "requires_review": report.requires_review,
        "corrections": [_correction(correction) for correction in report.corrections],
        "verses": [_verse(verse) for verse in report.verses],
        "lexicon_version": report.lexicon_version,
        "verse_index": report.verse_index,
        "degraded": report.degraded,
        "degradations": list(report.degradations),
        **explanation_document(report),
        "cue_count": report.cue_count,
        "token_count": report.token_count,
        "review_case_count": report.review_case_count,
        "quality_report": report.quality_report,
    }


def scores_document(scores: Any) -> dict[str, float | None]:
    """All scores by name; None where absent."""
    names = (*SCORES, *MORE_SCORES)
    return {name: round(getattr(scores, name), 3) if scores.HasField(name) else None for name in names}


def candidate_document(candidate: pb.TermCandidate) -> dict[str, Any]:
    """A candidate with its reasons."""
    return {
        "term": candidate.term,
        "probability": round(candidate.probability, 3),
        "domain": candidate.domain,
        "reasons": list(candidate.reasons),
        "gloss": candidate.gloss,
        "devanagari": candidate.devanagari,
    }


def _correction(correction: pb.Correction) -> dict[str, Any]:
    return {
        "cue": correction.cue,
        "start": correction.start,
        "end": correction.end,
        "heard": correction.heard,
        "corrected": correction.corrected,
        "probability": round(correction.probability, 3),
        "status": STATUSES[correction.status],
        "candidates": [candidate_document(candidate) for candidate in correction.candidates],
        "review_case": correction.review_case,
    }


def _verse(verse: pb.RecognisedVerse) -> dict[str, Any]:
    return {
        "first_cue": verse.first_cue,
        "last_cue": verse.last_cue,
        "start": verse.start,
        "end": verse.end,
        "start_ms": verse.start_ms if verse.HasField("start_ms") else None,
        "end_ms": verse.end_ms if verse.HasField("end_ms") else None,
        "heard": verse.heard,
        "reference": verse.reference,
        "reading": " / ".join(verse.lines),
        "devanagari": verse.devanagari,
        "metre": verse.metre,
        "confidence": round(verse.confidence, 3),
        "status": STATUSES[verse.status],
        "reasons": list(verse.reasons),
        "alternatives": list(verse.alternatives),
        "source": verse.source,
        "license": verse.license,
        "review_case": verse.review_case,
    }
