"""Decides on a span: how probable its best candidate is, and what follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from .casing import dressed
from .combiner import Combiner
from .english import COMMON, RARE, VERY_COMMON
from .features import LISTED_SCORE, Reading, Surroundings, context_of, features_of
from .ports import Candidate, Evidence
from .spans import Span

ENDING_BONUS = 0.05
LEAST_LIKENESS = 0.135  # in sound: two nats a letter
LISTED, FOLDED = 0.97, 0.92
CONTESTED = 0.5  # probability from which another candidate can contest a listed spelling,
EXPLAINED = 0.5  # where the context says so much more for it: "dhana" in a talk on meditation


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
    english_guard: bool = True
    may_apply: bool = True
    """False: what would be applied is suggested."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with the probability that it is meant, and the text that would stand there."""

    candidate: Candidate
    probability: float
    text: str
    reasons: tuple[str, ...] = ()


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
class Matcher:
    """Ranks what was found for a span and decides."""

    combiner: Combiner
    thresholds: Thresholds
    degraded: bool = False
    """Vectors are missing: likeness alone applies nothing."""

    def decide(self, span: Span, readings: Sequence[Reading], surroundings: Surroundings) -> Decision | None:
        """The decision on a span; None where nothing was found."""
        ranked = self._ranked(span, readings, surroundings)
        if not ranked:
            return None
        best = ranked[0]
        if self._is_right(span, best):
            return Decision(span, Status.RIGHT, (replace(best, probability=1.0), *ranked[1:]))
        if span.has_diacritics:  # somebody wrote IAST: what we do not know, or would spell otherwise, may be right
            status = Status.SUGGESTED if is_certain(best.candidate) else Status.LEFT
            return Decision(span, status, tuple(ranked))
        if best.probability >= self.thresholds.apply and self._may_apply(span, best.candidate):
            return Decision(span, Status.APPLIED, tuple(ranked))
        status = Status.SUGGESTED if best.probability >= self.thresholds.suggest else Status.LEFT
        return Decision(span, status, tuple(ranked))

    def _ranked(self, span: Span, readings: Sequence[Reading], surroundings: Surroundings) -> list[Ranked]:
        best: dict[str, tuple[tuple[bool, float], Ranked]] = {}
        combined = [
            (reading, candidate, self._combined(span, reading, candidate, surroundings))
            for reading in readings
            for candidate in reading.candidates
        ]
        contested = _contested(combined, surroundings.context)
        for reading, candidate, likely in combined:
            is_listed = likely is not None and context_of(candidate, surroundings.context) >= contested
            probability = max(likely or 0.0, _listed_probability(span, reading, candidate) if is_listed else 0.0)
            # "chakras" is a plural, though listed as a spelling: a reading that keeps the ending goes before.
            claim = (is_certain(candidate), probability + ENDING_BONUS * bool(reading.inflected.ending))
            if candidate.term not in best or claim > best[candidate.term][0]:
                text = dressed(candidate.term, reading.inflected, span.text)
                reasons = (*candidate.reasons, *_reasons(candidate, surroundings))
                best[candidate.term] = claim, Ranked(candidate, probability, text, reasons)
        ranked = [one for _, one in best.values()]
        return sorted(ranked, key=lambda one: (-one.probability, -one.candidate.score, one.candidate.term))

    def _combined(self, span: Span, reading: Reading, candidate: Candidate, surroundings: Surroundings) -> float | None:
        """The combiner's probability; None for plain English, that nothing else speaks for either."""
        if self.thresholds.english_guard and _is_plain_english(span, candidate):
            return None
        return self.combiner.probability(features_of(span, reading, candidate, surroundings))

    def _may_apply(self, span: Span, candidate: Candidate) -> bool:
        """Likeness alone applies nothing while vectors are missing, nor to words that English has, however rare; and
        what stands near makes no term of what does not sound like it."""
        if not self.thresholds.may_apply:
            return False
        if is_certain(candidate):
            return True
        is_english = self.thresholds.english_guard and span.least_frequency >= RARE
        is_like = candidate.evidence.get(Evidence.SOUND, 0.0) >= LEAST_LIKENESS
        return is_like and not self.degraded and not is_english

    def _is_right(self, span: Span, best: Ranked) -> bool:
        if best.text == span.text:
            return True
        return self.thresholds.keep_anglicised and best.candidate.anglicised and is_certain(best.candidate)


def is_certain(candidate: Candidate) -> bool:
    """Whether the lexicon lists what was heard, and more than likeness speaks for it."""
    return Evidence.EXACT in candidate.evidence or Evidence.ALIAS in candidate.evidence


def _contested(combined: Sequence[tuple[Reading, Candidate, float | None]], context: str) -> float:
    """What the context has to say for a listed spelling, so that it keeps what it is worth beside its rivals."""
    rivals = [one for _, one, likely in combined if likely and likely >= CONTESTED and not is_certain(one)]
    return max((context_of(one, context) - EXPLAINED for one in rivals), default=0.0)


def _listed_probability(span: Span, reading: Reading, candidate: Candidate) -> float:
    """What a spelling is worth that the lexicon gives to one term alone: an expert has already decided on it."""
    if not is_certain(candidate) or sum(is_certain(other) for other in reading.candidates) > 1:
        return 0.0
    if Evidence.EXACT in candidate.evidence or candidate.evidence[Evidence.ALIAS] >= LISTED_SCORE:
        return LISTED if span.frequency < COMMON or len(span.tokens) > 1 else 0.0
    return FOLDED if span.frequency < RARE else 0.0


def _is_plain_english(span: Span, candidate: Candidate) -> bool:
    """The guard: against plain English only a listed spelling speaks, against the commonest words only an exact one or
    one of several words."""
    if Evidence.EXACT in candidate.evidence:
        return False
    if candidate.evidence.get(Evidence.ALIAS, 0.0) >= LISTED_SCORE:
        return span.frequency >= VERY_COMMON and len(span.tokens) == 1
    return span.frequency >= COMMON


def _reasons(candidate: Candidate, surroundings: Surroundings) -> tuple[str, ...]:
    count = surroundings.mentions_of(candidate.term)
    if not count:
        return ()
    return (f"named {count} times elsewhere in this talk" if count > 1 else "named elsewhere in this talk",)
