"""Places of one to four words that may be Sanskrit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from shodhana.text.scripts import has_devanagari, has_iast_diacritics
from shodhana.text.tokens import Token, tokenize

from .english import COMMON, VERY_COMMON, EnglishWords
from .formats.model import Cue

MAX_TOKENS = 4
MIN_LETTERS = 3
PLAIN = 4.6  # a run with so common a word ("the", "one") needs one that is not English at all
GRAMMATICAL = 5.5  # words as common as "is" and "of" neither begin nor end a run of three words or more
CONTEXT_CHARACTERS = 160
_JOINT = re.compile(r"[ \t]|-")
_SENTENCE_START = re.compile(r"(?:^|[.!?:…\"“‘(\[]\s*|\n\s*)$")


@dataclass(frozen=True, slots=True)
class Span:
    """Words of one line of a cue. `frequency` is that of the most English of them, `least_frequency` of the least.

    `recogniser_probability` is the mean over its words; None where the file says nothing of it.
    """

    cue: int
    start: int
    end: int
    text: str
    tokens: tuple[Token, ...]
    frequency: float
    is_name_like: bool
    least_frequency: float = 0.0
    recogniser_probability: float | None = None

    def overlaps(self, other: Span) -> bool:
        """Whether both take a character."""
        return self.cue == other.cue and self.start < other.end and other.start < self.end

    @property
    def place(self) -> tuple[int, int, int]:
        return (self.cue, self.start, self.end)

    @property
    def has_diacritics(self) -> bool:
        return has_iast_diacritics(self.text)


def spans_of(cue: Cue, english: EnglishWords) -> Iterator[Span]:
    """Every run of up to four words with at least one that plain English does not account for."""
    text = cue.text
    tokens = list(tokenize(text))
    frequencies = [_frequency(token, english) for token in tokens]
    for first in range(len(tokens)):
        for last in range(first, min(first + MAX_TOKENS, len(tokens))):
            if last > first and not _JOINT.fullmatch(text[tokens[last - 1].end : tokens[last].start]):
                break
            run = tokens[first : last + 1]
            span = _span(cue, run, frequencies[first : last + 1])
            if _may_be_sanskrit(span, run, frequencies[first : last + 1]):
                yield span


def contexts_of(cues: Sequence[Cue]) -> Callable[[Span], str]:
    """What is said around a span, with `___` in its place: its cue, and as much of the cues beside it as fits."""
    by_index = {cue.index: cue.text for cue in cues}

    def context(span: Span) -> str:
        before = f"{by_index.get(span.cue - 1, '')} {by_index[span.cue][: span.start]}"
        after = f"{by_index[span.cue][span.end :]} {by_index.get(span.cue + 1, '')}"
        return " ".join(f"{before[-CONTEXT_CHARACTERS:]}___{after[:CONTEXT_CHARACTERS]}".split())

    return context


def _span(cue: Cue, run: Sequence[Token], frequencies: Sequence[float]) -> Span:
    start, end = run[0].start, run[-1].end
    heard = [word.probability for word in cue.words if word.start < end and start < word.end]
    known = [probability for probability in heard if probability is not None]
    return Span(
        cue=cue.index,
        start=start,
        end=end,
        text=cue.text[start:end],
        tokens=tuple(run),
        frequency=max(frequencies),
        is_name_like=cue.text[start].isupper() and not _SENTENCE_START.search(cue.text[:start]),
        least_frequency=min(frequencies),
        recogniser_probability=sum(known) / len(known) if known else None,
    )


def _may_be_sanskrit(span: Span, run: Sequence[Token], frequencies: Sequence[float]) -> bool:
    if has_devanagari(span.text) or sum(letter.isalpha() for letter in span.text) < MIN_LETTERS:
        return False
    if any(len(token.text) == 1 for token in run):
        return False
    if len(run) > 2 and max(frequencies[0], frequencies[-1]) >= GRAMMATICAL:
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
