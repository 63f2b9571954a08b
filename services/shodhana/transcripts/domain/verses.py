"""Recited verses in a transcript: each is suggested as a whole, and no word in it is corrected against it."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from shodhana.text.fold import popular_fold
from shodhana.text.normalize import nfc
from shodhana.text.scripts import has_iast_diacritics
from shodhana.text.tokens import tokenize

from .doubts import cases_request_id
from .english import EnglishWords
from .formats import Cue, Transcript
from .matcher import Decision, Status
from .ports import Candidate, DoubtfulPlace, ReviewCases, ServiceMissing, Suggestion
from .stretches import Position, Stretch, stretches_of

MIN_CONFIDENCE = 0.9  # below it are lines of texts that are not imported
METRE_ALONE = 0.8  # confidence in a line that is in metre, and in no text that is known
MAX_TEXT = 2000  # characters of a search
MAX_CASES = 200
CONTEXT = 600  # characters on each side
BEFORE_NAMED = re.compile(r"(^|[,;:(]|\b(and|or))\s*$", re.IGNORECASE)
AFTER_NAMED = re.compile(r"\s*($|[,;:).]|(and|or)\b)", re.IGNORECASE)
VERSES_NAMESPACE = uuid.UUID("0d1f4f6e-7c55-4d8e-9f0e-3c1d7a52b0c4")


@dataclass(frozen=True, slots=True)
class Recitation:
    """A verse recited in [start, end) (code points) of a text; `lines` are those that are heard."""

    start: int
    end: int
    reference: str
    lines: tuple[str, ...]
    devanagari: str
    metre: str
    confidence: float
    reasons: tuple[str, ...]
    alternatives: tuple[str, ...] = ()
    source: str = ""
    license: str = ""


@dataclass(frozen=True, slots=True)
class RecitedText:
    """What a text recites, and the metre of the text itself."""

    recitations: tuple[Recitation, ...] = ()
    metre: str = ""


class VerseSearch(Protocol):
    """Finds recited verses."""

    async def find(self, texts: Sequence[str], min_confidence: float) -> tuple[list[RecitedText], str]:
        """What each text recites, and which verses were searched. Raises ServiceMissing."""
        ...


@dataclass(frozen=True, slots=True)
class RecitedVerse:
    """A recitation at its place in the transcript; `review_case` names the case, where there is one."""

    start: Position
    end: Position
    start_ms: int | None
    end_ms: int | None
    heard: str
    recitation: Recitation
    review_case: str = ""

    @property
    def is_open(self) -> bool:
        """Whether somebody has to say if it is the verse: not where it stands there already, letter by letter."""
        reading = " ".join(self.recitation.lines)
        return bool(self.recitation.reference) and _letters(self.heard) != _letters(reading)

    def holds(self, cue: int, start: int, end: int) -> bool:
        """Whether it shares a character with [start, end) of a cue."""
        begins = self.start.character if cue == self.start.cue else 0
        ends = self.end.character if cue == self.end.cue else end
        return self.start.cue <= cue <= self.end.cue and start < ends and begins < end


@dataclass(frozen=True, slots=True)
class Recognised:
    """The recited verses of a transcript, in its order, and which verses were searched."""

    verses: tuple[RecitedVerse, ...] = ()
    index: str = ""
    degradations: tuple[str, ...] = ()
    new_case_count: int = 0

    def has_open(self, cue: int, start: int, end: int) -> bool:
        """Whether a verse that is not settled holds a character of [start, end) of a cue."""
        return any(verse.is_open and verse.holds(cue, start, end) for verse in self.verses)


class VerseRecogniser:
    """Recognises recited verses; `cases` is None where there is no review."""

    def __init__(self, search: VerseSearch, english: EnglishWords, cases: ReviewCases | None = None) -> None:
        self._search = search
        self._english = english
        self._cases = cases

    async def recognise(self, transcript: Transcript) -> Recognised:
        """The verses of a transcript; none, and a word about it, where they cannot be searched."""
        stretches = await asyncio.to_thread(self._stretches, transcript.cues)
        if not stretches:
            return Recognised()
        try:
            found, index = await self._search.find([stretch.text for stretch in stretches], MIN_CONFIDENCE)
        except ServiceMissing:
            return Recognised(degradations=("verses were not searched for",))
        cues = {cue.index: cue for cue in transcript.cues}
        placed = [
            _placed(recitation, stretch, cues)
            for stretch, recited in zip(stretches, found, strict=True)
            for recitation in recited.recitations or _in_metre(stretch.text, recited.metre)
        ]
        placed.sort(key=lambda verse: (verse.start.cue, verse.start.character, -verse.recitation.confidence))
        return Recognised(tuple(_apart(placed)), index)

    async def queue(self, transcript: Transcript, recognised: Recognised, request_id: str) -> Recognised:
        """The same with a case for each verse that is not settled, for an expert to identify it."""
        wanted = [verse for verse in recognised.verses if verse.is_open][:MAX_CASES]
        if self._cases is None or not wanted:
            return recognised
        places = [_case(verse, transcript) for verse in wanted]
        try:
            queued = await self._cases.create(places, cases_request_id(VERSES_NAMESPACE, request_id))
        except ServiceMissing:
            return replace(recognised, degradations=("the verses could not be queued for review",))
        by_verse = dict(zip(wanted, queued.names, strict=True))
        verses = (replace(verse, review_case=by_verse.get(verse, "")) for verse in recognised.verses)
        return replace(recognised, verses=tuple(verses), new_case_count=queued.new_count)

    def _stretches(self, cues: Sequence[Cue]) -> list[Stretch]:
        """Words in IAST also alone, and cue by cue: a line in metre ends where its words end."""
        found = stretches_of(cues, self._english)
        written = [cue for cue in cues if has_iast_diacritics(cue.text)]
        alone = stretches_of(written, self._english, margin=0)
        single = [stretch for cue in written for stretch in stretches_of([cue], self._english, margin=0)]
        return [stretch for stretch in dict.fromkeys([*found, *alone, *single]) if len(stretch.text) <= MAX_TEXT]


def spared(decisions: Iterable[Decision], recognised: Recognised, transcript: Transcript) -> list[Decision]:
    """The decisions without those that would correct a word of a recited verse to one that the verse does not have.

    What the verse does have is suggested: a line stays as it was heard until somebody takes the verse over. A word
    between commas is named and not recited ("avidya, asmita, raga"): it is corrected as anywhere.
    """
    read = [verse for verse in recognised.verses if verse.recitation.lines]
    texts = {cue.index: cue.text for cue in transcript.cues}
    kept = []
    for decision in decisions:
        verses = [verse for verse in read if verse.holds(*decision.span.place)]
        text = texts[decision.span.cue]
        if all(_has(verse, decision) and _is_named(decision, text, verse) for verse in verses):
            kept.append(decision)
        elif decision.status is Status.RIGHT or all(_agrees(decision, verse) for verse in verses):
            kept.append(_suggested(decision))
    return kept


def _suggested(decision: Decision) -> Decision:
    return replace(decision, status=Status.SUGGESTED) if decision.status is Status.APPLIED else decision


def _agrees(decision: Decision, verse: RecitedVerse) -> bool:
    words = {popular_fold(token.text) for line in verse.recitation.lines for token in tokenize(line)}
    return {popular_fold(token.text) for token in tokenize(decision.best.text)} <= words


def _has(verse: RecitedVerse, decision: Decision) -> bool:
    """Whether the word is in the verse, be it joined to others."""
    letters = popular_fold("".join(verse.recitation.lines))
    return popular_fold(decision.best.text) in letters


def _is_named(decision: Decision, text: str, verse: RecitedVerse) -> bool:
    """Whether it is set off on both sides, by a comma, "and", or an end of what would be the verse."""
    cue, start, end = decision.span.place
    before = BEFORE_NAMED.search(text[:start]) or Position(cue, start) == verse.start
    return bool(before and (AFTER_NAMED.match(text[end:]) or Position(cue, end) == verse.end))


def _in_metre(text: str, metre: str) -> list[Recitation]:
    """The whole text as a line of no text that is known."""
    if not metre:
        return []
    reasons = (f"metre: {metre}", "in no imported text")
    return [Recitation(0, len(text), "", (), "", metre, METRE_ALONE, reasons)]


def _placed(recitation: Recitation, stretch: Stretch, cues: dict[int, Cue]) -> RecitedVerse:
    start, end = stretch.position(recitation.start), stretch.position(recitation.end, is_end=True)
    heard = " ".join(stretch.text[recitation.start : recitation.end].split())
    return RecitedVerse(start, end, cues[start.cue].start_ms, cues[end.cue].end_ms, heard, recitation)


def _apart(verses: Iterable[RecitedVerse]) -> list[RecitedVerse]:
    """Without those that share words with one that is found in a text, or begins before."""
    kept: list[RecitedVerse] = []
    for verse in sorted(verses, key=lambda one: not one.recitation.reference):
        if not any(_overlap(verse, other) for other in kept):
            kept.append(verse)
    return sorted(kept, key=lambda one: (one.start.cue, one.start.character))


def _overlap(one: RecitedVerse, other: RecitedVerse) -> bool:
    return _key(one.start) < _key(other.end) and _key(other.start) < _key(one.end)


def _letters(text: str) -> str:
    return "".join(letter for letter in nfc(text).casefold() if letter.isalpha())


def _key(position: Position) -> tuple[int, int]:
    return position.cue, position.character


def _case(verse: RecitedVerse, transcript: Transcript) -> DoubtfulPlace:
    """The first cue's part of the recitation, with what is said around it."""
    cue = transcript.cues[verse.start.cue - 1]
    end = verse.end.character if verse.end.cue == verse.start.cue else len(cue.text)
    end = min(end, verse.start.character + 200)
    found, reading = verse.recitation, " / ".join(verse.recitation.lines)
    identification = f"scriptural identification: {found.reference}"
    candidate = Candidate(
        *(reading[:200], "scriptural", identification, found.devanagari.replace("\n", " ")[:300]),
        *(found.confidence, {}, found.reasons),
    )
    before = cue.text[: verse.start.character][-CONTEXT:]
    return DoubtfulPlace(
        filename=transcript.filename,
        cue=cue.index,
        start=verse.start.character,
        end=end,
        start_ms=verse.start_ms,
        heard=cue.text[verse.start.character : end],
        context=before + cue.text[verse.start.character :][: CONTEXT + 200],
        context_start=len(before),
        suggestions=(Suggestion(reading[:250], found.confidence, candidate, (identification, *found.reasons)),),
        lexicon_version="",
    )
