"""Places of one to three words that may be Sanskrit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shodhana.text.scripts import has_devanagari, has_iast_diacritics
from shodhana.text.tokens import Token, tokenize

from .english import COMMON, VERY_COMMON, EnglishWords

MAX_TOKENS = 3
MIN_LETTERS = 3
PLAIN = 4.6  # a run with so common a word ("the", "one") needs one that is not English at all
CONTEXT_CHARACTERS = 160
_JOINT = re.compile(r"[ \t]|-")
_SENTENCE_START = re.compile(r"(?:^|[.!?:…\"“‘(\[]\s*|\n\s*)$")


@dataclass(frozen=True, slots=True)
class Span:
    """Words of one line of a cue. `frequency` is that of the most English of them."""

    cue: int
    start: int
    end: int
    text: str
    tokens: tuple[Token, ...]
    frequency: float
    is_name_like: bool

    def overlaps(self, other: Span) -> bool:
        """Whether both take a character."""
        return self.cue == other.cue and self.start < other.end and other.start < self.end

    @property
    def has_diacritics(self) -> bool:
        return has_iast_diacritics(self.text)


def spans_of(cue: int, text: str, english: EnglishWords) -> Iterator[Span]:
    """Every run of up to three words with at least one that plain English does not account for."""
    tokens = list(tokenize(text))
    frequencies = [_frequency(token, english) for token in tokens]
    for first in range(len(tokens)):
        for last in range(first, min(first + MAX_TOKENS, len(tokens))):
            if last > first and not _JOINT.fullmatch(text[tokens[last - 1].end : tokens[last].start]):
                break
            run = tokens[first : last + 1]
            span = _span(cue, text, run, frequencies[first : last + 1])
            if _may_be_sanskrit(span, run, frequencies[first : last + 1]):
                yield span


def context_of(text: str, span: Span) -> str:
    """The words around, with `___` in the span's place."""
    before = text[max(0, span.start - CONTEXT_CHARACTERS) : span.start]
    after = text[span.end : span.end + CONTEXT_CHARACTERS]
    return " ".join(f"{before}___{after}".split())


def _span(cue: int, text: str, run: Sequence[Token], frequencies: Sequence[float]) -> Span:
    start, end = run[0].start, run[-1].end
    capital = text[start].isupper() and not _SENTENCE_START.search(text[:start])
    return Span(cue, start, end, text[start:end], tuple(run), max(frequencies), capital)


def _may_be_sanskrit(span: Span, run: Sequence[Token], frequencies: Sequence[float]) -> bool:
    if has_devanagari(span.text) or sum(letter.isalpha() for letter in span.text) < MIN_LETTERS:
        return False
    if any(len(token.text) == 1 for token in run):
        return False
    if len(run) > 1 and max(frequencies) >= PLAIN:
        return min(frequencies) < COMMON
    return min(frequencies) < VERY_COMMON


def _frequency(token: Token, english: EnglishWords) -> float:
    """0 for a word with diacritics: English lists hold "karma" and "ātman" alike."""
    if has_iast_diacritics(token.text):
        return 0.0
    word = token.text.lower().replace("’", "'")
    return max(english.frequency(word), english.frequency(token.stem.lower()))
