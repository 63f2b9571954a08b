"""Finds the verses that are recited in a text, however a recogniser garbled them.

Verses are cut into pādas. Three-letter pieces of what is left of their sounds lead to the pādas that may be meant; an
alignment of all sounds of these, and of their lines, says which are heard, and where; what follows each other in one
verse is one recitation.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz

from shodhana.sound.recited import RECITED_VERSION, recited_line, recited_sounds, skeleton
from shodhana.text.tokens import Token, tokenize

from .lexicon import Verse
from .padas import padas_of

PIECE = 3  # letters of a skeleton
CANDIDATES = 100  # verses of which pādas are aligned
MIN_COVERAGE = 0.25  # of a pāda's pieces, by weight
MIN_PADA = 62.0  # similarity, in hundredths, from which a pāda belongs to a recitation
MAX_GAP = 9  # letters between two pādas of one recitation
MIN_SHARE = 0.75  # of a pāda's sounds that have to be heard
BIAS, PER_SIMILARITY, PER_LETTER, LETTERS_THAT_COUNT = -42.0, 42.4, 0.488, 28  # by python -m training.verses
SAME = 0.02  # of similarity: verses that differ by less share their words


@dataclass(frozen=True, slots=True)
class Passage:
    """A pāda of a verse or a line, by its sounds; `line` is its line in the verse, `first` and `last` are its pādas."""

    verse: int
    line: int
    first: int
    last: int
    sounds: str


@dataclass(frozen=True, slots=True)
class Recitation:
    """A verse that a text recites in [start, end) (code points): which lines of it, how alike (0 to 1) and how sure."""

    start: int
    end: int
    verse: Verse
    lines: tuple[str, ...]
    similarity: float
    letters: int
    alternatives: tuple[str, ...] = ()

    @property
    def confidence(self) -> float:
        """Probability, 0 to 1, that it is this verse. Source: docs/adr/0013."""
        letters = min(self.letters, LETTERS_THAT_COUNT)
        return 1 / (1 + math.exp(-(BIAS + PER_SIMILARITY * self.similarity + PER_LETTER * letters)))


@dataclass(frozen=True, slots=True)
class _Hit:
    """A passage that may be heard at [start, end) of the letters."""

    passage: Passage
    start: int
    end: int
    score: float

    @property
    def evidence(self) -> float:
        return (self.score - 50) * len(self.passage.sounds)


class VerseIndex:
    """The verses as they were when it was made; `version` changes with them."""

    def __init__(self, verses: Sequence[Verse]) -> None:
        self.verses = tuple(verses)
        self.version = version_of(self.verses)
        self._lines = [verse.spoken for verse in self.verses]
        self._padas = [
            Passage(number, line, place, place, sounds)
            for number, verse in enumerate(self.verses)
            for place, (line, sounds) in enumerate(_sounds_of(verse))
        ]
        self._whole_lines = _whole_lines(self._padas)
        self._postings = _Postings([skeleton(pada.sounds) for pada in self._padas], [one.verse for one in self._padas])

    def find(self, text: str, limit: int = 10) -> list[Recitation]:
        """The recitations in a text, the surest first; they do not overlap."""
        heard = _Heard(text)
        if not heard.letters:
            return []
        hits = [hit for passage in self._likely(heard) if (hit := _hit(passage, heard))]
        found = [self._recitation(chain, heard) for chain in _chains(hits)]
        return _without_overlap(sorted(found, key=_evidence, reverse=True))[:limit]

    def _likely(self, heard: _Heard) -> list[Passage]:
        """Pādas that may be heard, and their lines."""
        padas = [self._padas[number] for number in self._postings.nearest(skeleton(heard.letters))]
        lines = dict.fromkeys((pada.verse, pada.line) for pada in padas)
        return [*padas, *(self._whole_lines[line] for line in lines if line in self._whole_lines)]

    def _recitation(self, chain: Sequence[_Hit], heard: _Heard) -> Recitation:
        first, last = chain[0], chain[-1]
        sounds = "".join(hit.passage.sounds for hit in chain)
        start, end, letters = heard.words(first.start, last.end, sounds)
        lines = dict.fromkeys(hit.passage.line for hit in chain)
        verse = first.passage.verse
        return Recitation(
            start=start,
            end=end,
            verse=self.verses[verse],
            lines=tuple(self._lines[verse][line] for line in lines),
            similarity=fuzz.ratio(sounds, letters) / 100,
            letters=len(sounds),
        )


class _Heard:
    """A text as letters, and which word each letter is of."""

    def __init__(self, text: str) -> None:
        self._tokens: list[Token] = list(tokenize(text))
        sounds = [recited_sounds(token.text) for token in self._tokens]
        self.letters = "".join(sounds)
        self._ends = np.cumsum([len(sound) for sound in sounds]) if sounds else np.zeros(0, int)
        self._begins = np.concatenate([[0], self._ends[:-1]]).astype(int)

    def words(self, start: int, end: int, sounds: str) -> tuple[int, int, str]:
        """The place in the text of the words at [start, end) that are most like some sounds, and their letters."""
        reached = np.flatnonzero((self._begins < end) & (self._ends > start))
        first, last = int(reached[0]), int(reached[-1])
        best = fuzz.ratio(sounds, self._letters_of(first, last))
        while first < last:
            shorter = [(first + 1, last), (first, last - 1)]
            ratio, one = max((fuzz.ratio(sounds, self._letters_of(*words)), words) for words in shorter)
            if ratio < best:
                break
            best, (first, last) = ratio, one
        return self._tokens[first].start, self._tokens[last].end, self._letters_of(first, last)

    def _letters_of(self, first: int, last: int) -> str:
        return self.letters[int(self._begins[first]) : int(self._ends[last])]


class _Postings:
    """For each piece of three letters the pādas that hold it; `verses` are those that the pādas are of."""

    def __init__(self, skeletons: Sequence[str], verses: Sequence[int]) -> None:
        pairs: dict[str, list[int]] = {}
        for number, letters in enumerate(skeletons):
            for piece in set(_pieces(letters)):
                pairs.setdefault(piece, []).append(number)
        count = max(1, len(skeletons))
        self._count = len(skeletons)
        self._verses = np.array(verses, np.int32)
        self._rows: dict[str, NDArray[np.int32]] = {piece: np.array(rows, np.int32) for piece, rows in pairs.items()}
        self._weights = {piece: math.log(1 + count / len(rows)) for piece, rows in pairs.items()}
        self._totals = np.full(self._count, 1e-9)
        for piece, rows in self._rows.items():
            self._totals[rows] += self._weights[piece]

    def nearest(self, letters: str) -> list[int]:
        """The pādas that are heard of the verses of which most is heard."""
        known = [piece for piece in Counter(_pieces(letters)) if piece in self._rows]
        if not known:
            return []
        rows = np.concatenate([self._rows[piece] for piece in known])
        weights = np.concatenate([np.full(len(self._rows[piece]), self._weights[piece]) for piece in known])
        coverage = np.bincount(rows, weights, self._count) / self._totals
        likely = np.flatnonzero(coverage >= MIN_COVERAGE)
        by_verse = np.bincount(self._verses[likely], coverage[likely] ** 2)
        if np.count_nonzero(by_verse) > CANDIDATES:
            least = np.partition(by_verse, -CANDIDATES)[-CANDIDATES]
            likely = likely[by_verse[self._verses[likely]] >= least]
        return [int(number) for number in likely]


def version_of(verses: Iterable[Verse]) -> str:
    """16 hexadecimal digits: the same for the same verses under the same rules."""
    digest = hashlib.blake2b(f"{RECITED_VERSION}".encode(), digest_size=8)
    for verse in sorted(verses, key=lambda verse: (verse.source, verse.reference)):
        digest.update(f"\0{verse.source}\0{verse.reference}\0{verse.text}".encode())
    return digest.hexdigest()


def _sounds_of(verse: Verse) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(verse.spoken):
        for pada in padas_of(line):
            if sounds := recited_line(pada):
                yield number, sounds


def _whole_lines(padas: Sequence[Passage]) -> dict[tuple[int, int], Passage]:
    """Lines of several pādas, by verse and line."""
    by_line: dict[tuple[int, int], list[Passage]] = {}
    for pada in padas:
        by_line.setdefault((pada.verse, pada.line), []).append(pada)
    return {
        key: Passage(*key, own[0].first, own[-1].last, "".join(pada.sounds for pada in own))
        for key, own in by_line.items()
        if len(own) > 1
    }


def _hit(passage: Passage, heard: _Heard) -> _Hit | None:
    if len(heard.letters) < MIN_SHARE * len(passage.sounds):
        return None
    aligned = fuzz.partial_ratio_alignment(passage.sounds, heard.letters, score_cutoff=MIN_PADA)
    return _Hit(passage, aligned.dest_start, aligned.dest_end, aligned.score) if aligned else None


def _pieces(letters: str) -> Iterator[str]:
    return (letters[at : at + PIECE] for at in range(len(letters) - PIECE + 1))


def _chains(hits: Sequence[_Hit]) -> Iterator[list[_Hit]]:
    """Hits of one verse that follow each other in the verse and in the text."""
    by_verse: dict[int, list[_Hit]] = {}
    for hit in hits:
        by_verse.setdefault(hit.passage.verse, []).append(hit)
    for found in by_verse.values():
        chain: list[_Hit] = []
        for hit in sorted(_apart(found), key=lambda hit: hit.start):
            if chain and not _follows(chain[-1], hit):
                yield chain
                chain = []
            chain.append(hit)
        yield chain


def _apart(hits: Sequence[_Hit]) -> list[_Hit]:
    """The best of a verse's hits that take no more than a few of each other's letters."""
    kept: list[_Hit] = []
    for hit in sorted(hits, key=lambda hit: -hit.evidence):
        if not any(min(hit.end, other.end) - max(hit.start, other.start) > MAX_GAP // 2 for other in kept):
            kept.append(hit)
    return kept


def _follows(before: _Hit, after: _Hit) -> bool:
    return 0 < after.passage.first - before.passage.last <= 2 and abs(after.start - before.end) <= MAX_GAP


def _evidence(found: Recitation) -> float:
    return (found.similarity - 0.5) * found.letters


def _without_overlap(found: Sequence[Recitation]) -> list[Recitation]:
    """The strongest first; a verse with the same words in the same place becomes its alternative."""
    kept: list[Recitation] = []
    for one in found:
        rival = next((at for at, other in enumerate(kept) if one.start < other.end and other.start < one.end), None)
        if rival is None:
            kept.append(one)
        elif _is_same(one, kept[rival]):
            kept[rival] = _with_alternative(kept[rival], one.verse.reference)
    return kept


def _is_same(one: Recitation, other: Recitation) -> bool:
    return one.similarity >= other.similarity - SAME and abs(one.letters - other.letters) <= 2


def _with_alternative(kept: Recitation, reference: str) -> Recitation:
    if reference == kept.verse.reference or reference in kept.alternatives:
        return kept
    return Recitation(
        *(kept.start, kept.end, kept.verse, kept.lines, kept.similarity, kept.letters),
        alternatives=(*kept.alternatives, reference),
    )
