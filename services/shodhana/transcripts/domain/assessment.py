"""What would be done at single places, without the talk they stand in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shodhana.errors import FieldViolation, InvalidInput

from .corrected import CorrectionOptions
from .formats import Cue, Format, Transcript
from .matcher import Decision
from .pipeline import TranscriptCorrector
from .spans import Span


class PlaceOutside(InvalidInput):
    """The words do not stand within their context."""

    def __init__(self, number: int) -> None:
        message = "start and end must lie within the context, start before end"
        super().__init__(f"place {number}: {message}", [FieldViolation(f"places[{number}].end", message)])


@dataclass(frozen=True, slots=True)
class Place:
    """Words [start, end) (code points) of a context."""

    context: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Assessed:
    """The decision on each place; None where other words claim it, or nothing speaks for a term."""

    decisions: tuple[Decision | None, ...]
    lexicon_version: str
    degraded: bool


class PlaceAssessor:
    """Assesses places as the corrector does, a batch at a time."""

    def __init__(self, corrector: TranscriptCorrector) -> None:
        self._corrector = corrector

    async def assess(self, places: Sequence[Place], options: CorrectionOptions) -> Assessed:
        """What the corrector would do at each place, which says nothing of the others. Raises ServiceMissing."""
        # An empty cue between contexts, so that none is read as what was said before or after another.
        texts = [text for place in places for text in (place.context, "")]
        cues = tuple(Cue(number, None, None, text, 0, 0, number) for number, text in enumerate(texts, 1))
        transcript = Transcript("places", Format.TEXT, "", False, cues)
        by_cue = {2 * number + 1: place for number, place in enumerate(places)}

        def matters(span: Span) -> bool:
            place = by_cue[span.cue]
            return span.start < place.end and place.start < span.end

        options = replace(options, use_mentions=False)
        found, decisions = await self._corrector.decisions(transcript, options, matters)
        by_place = {decision.span.place: decision for decision in decisions}
        return Assessed(
            tuple(by_place.get((2 * number + 1, place.start, place.end)) for number, place in enumerate(places)),
            found.lexicon_version,
            found.degraded,
        )
