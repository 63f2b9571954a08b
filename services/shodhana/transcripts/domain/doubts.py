"""Places that an expert has to look at, as the review is told of them."""

from __future__ import annotations

import uuid

from .formats import Cue
from .matcher import Decision
from .ports import DoubtfulPlace, Suggestion

MAX_CANDIDATES = 5


def doubtful_place(decision: Decision, cues: dict[int, Cue], filename: str, lexicon_version: str) -> DoubtfulPlace:
    """The place with the cue before and the cue after for context."""
    span = decision.span
    cue = cues[span.cue]
    before = cues[span.cue - 1].text + " " if span.cue - 1 in cues else ""
    after = " " + cues[span.cue + 1].text if span.cue + 1 in cues else ""
    before, after = before[-800:], after[:800]
    text = cue.text
    if len(text) > 400:
        cut = max(0, span.start - 150)
        before, text = "", cue.text[cut : span.end + 150]
        start = span.start - cut
    else:
        start = len(before) + span.start
    suggestions = tuple(
        Suggestion(ranked.text, ranked.probability, ranked.candidate, ranked.reasons)
        for ranked in decision.ranked[:MAX_CANDIDATES]
    )
    return DoubtfulPlace(
        filename=filename,
        cue=span.cue,
        start=span.start,
        end=span.end,
        start_ms=cue.start_ms,
        heard=span.text,
        context=before + text + after,
        context_start=start,
        suggestions=suggestions,
        lexicon_version=lexicon_version,
    )


def cases_request_id(namespace: uuid.UUID, request_id: str) -> str:
    """The same for the same request, so that a repeated correction queues nothing twice."""
    return str(uuid.uuid5(namespace, request_id) if request_id else uuid.uuid4())
