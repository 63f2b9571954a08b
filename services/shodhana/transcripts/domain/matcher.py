"""Decides on a span: how probable its best candidate is, and what follows.

The probability is a first, hand-set logistic function of similarity, margin, length and the guard; every feature is
named in `Features`. Listed spellings are taken at their word.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from .casing import Inflected, dressed
from .english import COMMON, VERY_COMMON
from .ports import Candidate, Evidence
from .spans import Span

EXACT, LISTED, FOLDED = 0.99, 0.97, 0.92
SLOPE, MIDPOINT = 16.0, 0.77
MARGIN_WEIGHT, MARGIN_CAP = 12.0, 0.15
LENGTH_WEIGHT, TYPICAL_LENGTH, LENGTH_CAP = 0.25, 6, 10
NAME_PENALTY = 1.5  # a capital inside a sentence: more likely somebody's name
JOIN_PENALTY = 0.5  # for each word after the first
ENGLISH_PENALTY = 2.0  # for each Zipf step above RARE: "saree" and "sandal" are English though not common
RARE = 2.0
MAX_FUZZY = 0.96
LISTED_REASON = 0.99  # score of the ALIAS evidence from which the spelling itself is listed


class Status(Enum):
    """What becomes of a span."""

    APPLIED = "applied"
    SUGGESTED = "suggested"
    LEFT = "left"
    RIGHT = "right"
    """It is spelled right already, or is to stay in its English spelling."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Probabilities from which a correction is applied, and suggested."""

    apply: float = 0.85
    suggest: float = 0.5
    keep_anglicised: bool = True


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with the probability that it is meant, and the text that would stand there."""

    candidate: Candidate
    probability: float
    text: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a span, and the candidates, best first."""

    span: Span
    status: Status
    ranked: tuple[Ranked, ...]

    @property
    def best(self) -> Ranked:
        return self.ranked[0]


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a span, with what was found for it."""

    inflected: Inflected
    candidates: tuple[Candidate, ...]


def decide(span: Span, readings: Sequence[Reading], thresholds: Thresholds, degraded: bool) -> Decision | None:
    """The decision on a span; None where nothing was found."""
    ranked = _ranked(span, readings)
    if not ranked:
        return None
    best = ranked[0]
    if _is_right(span, best, thresholds):
        return Decision(span, Status.RIGHT, (replace(best, probability=1.0), *ranked[1:]))
    if span.has_diacritics:  # somebody wrote IAST: what we do not know, or would spell otherwise, may be right
        status = Status.SUGGESTED if is_certain(best.candidate) else Status.LEFT
        return Decision(span, status, tuple(ranked))
    if best.probability >= thresholds.apply and (not degraded or is_certain(best.candidate)):
        return Decision(span, Status.APPLIED, tuple(ranked))
    status = Status.SUGGESTED if best.probability >= thresholds.suggest else Status.LEFT
    return Decision(span, status, tuple(ranked))


def _ranked(span: Span, readings: Sequence[Reading]) -> list[Ranked]:
    best: dict[str, Ranked] = {}
    for reading in readings:
        scores = [candidate.score for candidate in reading.candidates]
        for place, candidate in enumerate(reading.candidates):
            others = scores[:place] + scores[place + 1 :]
            probability = _probability(span, reading, candidate, candidate.score - max(others, default=0.0))
            text = dressed(candidate.term, reading.inflected, span.text)
            known = best.get(candidate.term)
            # On a tie the reading that keeps the ending wins: "chakras" is a plural, though listed as a spelling.
            if known is None or probability >= known.probability:
                best[candidate.term] = Ranked(candidate, probability, text)
    return sorted(
        best.values(), key=lambda ranked: (-ranked.probability, -ranked.candidate.score, ranked.candidate.term)
    )


def _probability(span: Span, reading: Reading, candidate: Candidate, margin: float) -> float:
    alias = candidate.evidence.get(Evidence.ALIAS)
    if Evidence.EXACT in candidate.evidence:
        return EXACT
    if alias is not None and alias >= LISTED_REASON:
        return LISTED if span.frequency < VERY_COMMON or len(span.tokens) > 1 else 0.0
    if span.frequency >= COMMON:
        return 0.0  # plain English in the span: only a listed spelling speaks against it
    if alias is not None and span.frequency < RARE:
        return FOLDED  # "puny" and "zap" fold onto terms too
    length = min(len(reading.inflected.base), LENGTH_CAP) - TYPICAL_LENGTH
    evidence = SLOPE * (candidate.score - MIDPOINT) + MARGIN_WEIGHT * max(-MARGIN_CAP, min(margin, MARGIN_CAP))
    evidence += LENGTH_WEIGHT * length - JOIN_PENALTY * (len(span.tokens) - 1) - NAME_PENALTY * span.is_name_like
    evidence -= ENGLISH_PENALTY * max(0.0, span.frequency - RARE)
    return min(MAX_FUZZY, 1 / (1 + math.exp(-evidence)))


def _is_right(span: Span, best: Ranked, thresholds: Thresholds) -> bool:
    if best.text == span.text:
        return True
    return thresholds.keep_anglicised and best.candidate.anglicised and is_certain(best.candidate)


def is_certain(candidate: Candidate) -> bool:
    """Whether the lexicon lists what was heard, and more than likeness speaks for it."""
    return Evidence.EXACT in candidate.evidence or Evidence.ALIAS in candidate.evidence
