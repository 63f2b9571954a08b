"""Asks experts about the places that are doubtful."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .corrected import Correction, CorrectionOptions
from .doubts import cases_request_id, doubtful_place
from .formats import Transcript
from .matcher import Decision, Status
from .ports import ReviewCases, ServiceMissing
from .verses import Recognised

MAX_CASES = 1000
WORDS_NAMESPACE = uuid.UUID("5b0f3c52-6c0e-4b0e-9d5a-2f1f6a0c7b11")


@dataclass(frozen=True, slots=True)
class Asked:
    """The corrections, with the names of their cases; how many of these are new."""

    corrections: tuple[Correction, ...]
    new_case_count: int = 0
    degradations: tuple[str, ...] = ()


class Experts:
    """Those who review; `cases` is None where nobody does."""

    def __init__(self, cases: ReviewCases | None) -> None:
        self._cases = cases

    async def ask(
        self, transcript: Transcript, kept: Sequence[Decision], recognised: Recognised, options: CorrectionOptions
    ) -> Asked:
        """A case for each doubtful place; words of a verse are settled by the verse's case."""
        cues = {cue.index: cue for cue in transcript.cues}
        corrections = [Correction(decision, cues[decision.span.cue].start_ms) for decision in kept]
        doubtful = [
            place
            for place, decision in enumerate(kept)
            if decision.status is Status.SUGGESTED and not recognised.has_open(*decision.span.place)
        ][:MAX_CASES]
        if self._cases is None or options.validate_only or not doubtful:
            return Asked(tuple(corrections))
        places = [doubtful_place(kept[i], cues, transcript.filename, options.lexicon_version) for i in doubtful]
        try:
            queued = await self._cases.create(places, cases_request_id(WORDS_NAMESPACE, options.request_id))
        except ServiceMissing:
            return Asked(tuple(corrections), 0, ("the doubtful places could not be queued for review",))
        for place, name in zip(doubtful, queued.names, strict=True):
            corrections[place] = replace(corrections[place], review_case=name)
        return Asked(tuple(corrections), queued.new_count)
