"""Stretches of words, over cues, that English does not account for: where something may be recited."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shodhana.text.scripts import has_devanagari, has_iast_diacritics
from shodhana.text.tokens import Token, tokenize

from .english import COMMON, EnglishWords
from .formats.model import Cue

MIN_LETTERS = 14  # of words that are not English: a pāda has more
GIVE_UP = 14  # letters that English words may take from a stretch before it ends
MAX_WORDS = 120  # eight verses or so
PAUSE_MS = 10_000  # between two cues of one stretch
MARGIN = 2  # words on each side, for those of a verse that look English


@dataclass(frozen=True, slots=True)
class Position:
    """A place between characters of a cue."""

    cue: int
    character: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """Words of one or several cues as one text; `starts` are the places in it where each cue's part begins."""

    text: str
    starts: tuple[int, ...]
    positions: tuple[Position, ...]

    def position(self, character: int, is_end: bool = False) -> Position:
        """The place in the cues of a place in the text; one between two cues begins the later, or ends the earlier."""
        part = bisect_right(self.starts, character - is_end) - 1
        begin = self.positions[part]
        return Position(begin.cue, begin.character + character - self.starts[part])


@dataclass(frozen=True, slots=True)
class _Word:
    cue: Cue
    token: Token
    weight: int


def stretches_of(cues: Sequence[Cue], english: EnglishWords, margin: int = MARGIN) -> list[Stretch]:
    """The stretches of a transcript, each with so many words on either side."""
    found = []
    for passage in _passages(
        [_Word(cue, token, _weight(token, english)) for cue in cues for token in tokenize(cue.text)]
    ):
        for first, last in _runs(passage):
            found.append(_stretch(passage[max(0, first - margin) : last + 1 + margin]))
    return found


def _passages(words: Sequence[_Word]) -> Iterator[list[_Word]]:
    """Words without a long pause among them."""
    passage: list[_Word] = []
    for word in words:
        if passage and _is_pause(passage[-1].cue, word.cue):
            yield passage
            passage = []
        passage.append(word)
    yield passage


def _is_pause(before: Cue, after: Cue) -> bool:
    return before.end_ms is not None and after.start_ms is not None and after.start_ms - before.end_ms > PAUSE_MS


def _runs(words: Sequence[_Word]) -> Iterator[tuple[int, int]]:
    """Runs of the highest sum of weights: each begins with the first word of a sum above zero, and ends at its best."""
    start, total, best, end = 0, 0, 0, -1
    for place, word in enumerate(words):
        if total <= 0:
            start, total, best = place, 0, 0
        total += word.weight
        if total > best:
            best, end = total, place
        if total <= 0 or best - total > GIVE_UP or place - start >= MAX_WORDS or place == len(words) - 1:
            if best >= MIN_LETTERS and end > start:
                yield start, end
            total = 0


def _weight(token: Token, english: EnglishWords) -> int:
    """The letters of a word that is not English; less than none for one that is."""
    letters = len(token.text)
    if has_iast_diacritics(token.text) or has_devanagari(token.text):
        return letters
    is_english = english.frequency(token.text.lower().replace("’", "'")) >= COMMON
    return -min(letters, 4) - 2 if is_english else letters


def _stretch(words: Sequence[_Word]) -> Stretch:
    parts, starts, positions, length = [], [], [], 0
    by_cue: dict[int, list[_Word]] = {}
    for word in words:
        by_cue.setdefault(word.cue.index, []).append(word)
    for index, own in by_cue.items():
        begin, end = own[0].token.start, own[-1].token.end
        parts.append(own[0].cue.text[begin:end])
        starts.append(length)
        positions.append(Position(index, begin))
        length += end - begin + 1
    return Stretch(" ".join(parts), tuple(starts), tuple(positions))
