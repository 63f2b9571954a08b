"""How the development pairs are ranked by combiners that were trained without the terms they are asked for."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from shodhana.text.tokens import tokenize
from shodhana.transcripts.domain.casing import readings_of
from shodhana.transcripts.domain.combiner import Combiner
from shodhana.transcripts.domain.features import Reading, Surroundings
from shodhana.transcripts.domain.matcher import Matcher, Thresholds
from shodhana.transcripts.domain.pipeline import SEARCHED_IN_CONTEXT
from shodhana.transcripts.domain.ports import Heard
from shodhana.transcripts.domain.spans import Span

from .core import LocalSearch
from .talks import word_pairs

FOLDS = 5
AMONG = 5


@dataclass(frozen=True, slots=True)
class HeardPair:
    """What was heard, its context and the term that was said, with what is found for each reading."""

    group: str
    heard: str
    context: str
    right: str
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Of the pairs of a set whose terms the glossary has: shares of terms ranked first, and among the first five."""

    group: str
    pairs: int
    first: float
    among: float

    def __str__(self) -> str:
        return f"{self.group}: {self.pairs} pairs, acc@1 {self.first:.3f}, recall@5 {self.among:.3f} (terms held out)"


def fold_of(terms: Iterable[str]) -> int:
    """The fold of a pair by its term, so that no term is both trained on and asked for."""
    return zlib.crc32(min(terms).encode()) % FOLDS


def heard_pairs(search: LocalSearch) -> list[HeardPair]:
    """The development pairs with what is found for them."""
    pairs = []
    for group, rows in word_pairs().items():
        for heard, right, context in rows:
            inflected = readings_of(heard)
            asked = [Heard(reading.base, context) for reading in inflected]
            found = asyncio.run(search.find(asked, SEARCHED_IN_CONTEXT, ""))
            readings = tuple(map(Reading, inflected, found.lists))
            pairs.append(HeardPair(group, heard, context, right, readings))
    return pairs


def judged(pairs: Sequence[HeardPair], combiners: Sequence[Combiner], terms: Collection[str]) -> list[HeldOut]:
    """Figures by set; each pair is ranked by the combiner of its fold."""
    matchers = [Matcher(combiner, Thresholds(keep_anglicised=False)) for combiner in combiners]
    ranks: dict[str, list[int]] = {}
    for pair in pairs:
        if pair.right in terms:
            ranks.setdefault(pair.group, []).append(_rank(pair, matchers[fold_of([pair.right])]))
    return [
        HeldOut(group, len(of), sum(r == 0 for r in of) / len(of), sum(r < AMONG for r in of) / len(of))
        for group, of in ranks.items()
    ]


def _rank(pair: HeardPair, matcher: Matcher) -> int:
    span = Span(0, 0, len(pair.heard), pair.heard, tuple(tokenize(pair.heard)), 0.0, False)
    decision = matcher.decide(span, pair.readings, Surroundings(context=pair.context))
    found = [ranked.candidate.term for ranked in decision.ranked] if decision else []
    return found.index(pair.right) if pair.right in found else len(found) + AMONG
