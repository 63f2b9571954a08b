"""Writes what experts decided into a file that was corrected."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from shodhana.errors import FailedPrecondition, FieldViolation, InvalidInput

from .formats import Edit, Format, Limits, Transcript, parse, write
from .formats.model import edited_texts
from .ports import ReviewCases, Ruling


class NobodyReviews(FailedPrecondition):
    """This deployment has no review."""


class ReportOfAnotherFile(InvalidInput):
    """The words of a place do not stand there."""

    def __init__(self, number: int, place: CorrectedPlace) -> None:
        message = f"{place.heard!r} does not stand there: the report is of another file, or the file was changed"
        where = f"cue {place.cue}, characters {place.start} to {place.end}"
        super().__init__(f"{where}: {message}", [FieldViolation(f"places[{number}].heard", message)])


@dataclass(frozen=True, slots=True)
class CorrectedPlace:
    """A place of a report: words [start, end) (code points) of a cue (1-based); `applied` is empty where the correction
    only suggested."""

    cue: int
    start: int
    end: int
    heard: str
    applied: str
    review_case: str
    last_cue: int = 0
    """Of a verse over several cues; 0: all of it lies in `cue`."""

    @property
    def is_over_cues(self) -> bool:
        return self.last_cue > self.cue


@dataclass(frozen=True, slots=True)
class Finished:
    """A file with all that is decided; `decided_count` places were changed by experts, `kept_count` left as heard."""

    transcript: Transcript
    content: bytes
    texts: tuple[str, ...]
    decided_count: int
    kept_count: int
    open_cases: tuple[str, ...]
    unwritten_cases: tuple[str, ...] = ()
    """Verses that are identified and run over several cues: which words belong to which, nobody said."""

    @property
    def filename(self) -> str:
        """`talk.final.srt` for `talk.srt`."""
        return self.transcript.named("final")


class Finisher:
    """Finishes files; `cases` is None where nobody reviews."""

    def __init__(self, cases: ReviewCases | None) -> None:
        self._cases = cases
        self._limits = Limits()

    async def finish(
        self, content: bytes, filename: str, layout: Format | None, places: Sequence[CorrectedPlace]
    ) -> Finished:
        """The file with what was applied to it and what experts decided since; what is open stays as it was corrected.

        Raises ReportOfAnotherFile, NobodyReviews, ServiceMissing, and what reading a file raises.
        """
        if self._cases is None:
            raise NobodyReviews("this deployment has no review: the corrected file is the last one")
        transcript = await asyncio.to_thread(parse, content, filename, layout, self._limits)
        _check(transcript, places)
        asked = list(dict.fromkeys(place.review_case for place in places if place.review_case))
        rulings = await self._cases.rulings(asked) if asked else {}
        edits = _apart([edit for place in places if (edit := _edit(place, rulings)) is not None])
        return Finished(
            transcript=transcript,
            content=await asyncio.to_thread(write, transcript, edits),
            texts=edited_texts(transcript, edits),
            decided_count=sum(ruling.text is not None for ruling in rulings.values()),
            kept_count=sum(ruling.text is None for ruling in rulings.values()),
            open_cases=tuple(name for name in asked if name not in rulings),
            unwritten_cases=tuple(_unwritten(places, rulings)),
        )


def _check(transcript: Transcript, places: Sequence[CorrectedPlace]) -> None:
    texts = {cue.index: cue.text for cue in transcript.cues}
    for number, place in enumerate(places):
        if not place.is_over_cues and texts.get(place.cue, "")[place.start : place.end].split() != place.heard.split():
            raise ReportOfAnotherFile(number, place)


def _edit(place: CorrectedPlace, rulings: Mapping[str, Ruling]) -> Edit | None:
    if place.is_over_cues:
        return None
    ruling = rulings.get(place.review_case)
    text = ruling.text if ruling else place.applied
    return None if not text or text == place.heard else Edit(place.cue, place.start, place.end, text)


def _unwritten(places: Sequence[CorrectedPlace], rulings: Mapping[str, Ruling]) -> Iterator[str]:
    for place in places:
        ruling = rulings.get(place.review_case)
        if place.is_over_cues and ruling is not None and ruling.text is not None:
            yield place.review_case


def _apart(edits: Sequence[Edit]) -> list[Edit]:
    """Of those that share characters the longest: a verse, where a word in it was corrected too."""
    kept: list[Edit] = []
    for edit in sorted(edits, key=lambda one: one.start - one.end):
        if not any(edit.cue == one.cue and edit.start < one.end and one.start < edit.end for one in kept):
            kept.append(edit)
    return kept
