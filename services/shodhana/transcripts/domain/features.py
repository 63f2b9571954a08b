"""What speaks for and against a candidate, as numbers that a linguist can read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from wordfreq import zipf_frequency

from shodhana.sound.units import heard_letters
from shodhana.text.fold import popular_fold

from .casing import Inflected
from .context import companions_near, gloss_words_near
from .english import COMMON, RARE
from .ports import Candidate, Evidence
from .spans import Span
from .vocabulary import commonness_of

LISTED_SCORE = 0.99  # of the ALIAS evidence from which the spelling itself is listed
MAX_COST = 3.0  # nats a letter
UNLIKE_COST = 1.3  # nats a letter: however often a term is named, what does not sound like it is not it
MAX_MARGIN = 6.0  # nats
MAX_LETTERS = 12
MAX_PRIOR = 3.5  # Zipf: "yoga" is no likelier to be meant than "karma"

FEATURES: tuple[str, ...] = (
    "exact",
    "listed",
    "folded",
    "sound",
    "sound_margin",
    "sound_lead",
    "spelling",
    "phonetic",
    "phonetic_margin",
    "no_phonetic",
    "length",
    "words",
    "english",
    "english_least",
    "listed_english",
    "name",
    "prior",
    "meaning",
    "mentions",
    "recogniser_doubt",
    "commonness",
    "gloss_words",
    "companions",
)


_LED = (Evidence.SOUND, Evidence.PHONETIC, Evidence.SEMANTIC)


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a span, with what was found for it; `leaders` are the two best scores of each kind."""

    inflected: Inflected
    candidates: tuple[Candidate, ...]
    leaders: Mapping[Evidence, tuple[float, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        leaders = {kind: _two_best(self.candidates, kind) for kind in _LED}
        object.__setattr__(self, "leaders", leaders)

    def best_other(self, candidate: Candidate, kind: Evidence) -> float | None:
        """The best score of this kind among the other candidates; None where they have none."""
        leaders, own = self.leaders[kind], candidate.evidence.get(kind)
        others = leaders[1:] if own is not None and leaders[:1] == (own,) else leaders
        return others[0] if others else None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the rest of the transcript says: how often each term is surely meant in it; `own` is counted for the place
    itself and speaks for nothing. `context` are the words around the place, `___`; empty where they are not asked."""

    mentions: Mapping[str, int] = field(default_factory=dict)
    own: str = ""
    context: str = ""

    def mentions_of(self, term: str) -> int:
        """How often the term is surely meant elsewhere."""
        return self.mentions.get(term, 0) - (term == self.own)


def features_of(span: Span, reading: Reading, candidate: Candidate, surroundings: Surroundings) -> tuple[float, ...]:
    """The values of FEATURES, in their order."""
    evidence = candidate.evidence
    alias = evidence.get(Evidence.ALIAS, 0.0)
    is_exact, is_listed = Evidence.EXACT in evidence, alias >= LISTED_SCORE
    is_folded = bool(alias) and not is_listed and not is_exact
    letters = len(heard_letters(reading.inflected.base)) - 2
    cost, margin = _sound(reading, candidate, letters + 2)
    english = max(0.0, span.frequency - RARE)
    is_certain = is_exact or is_listed
    return (
        float(is_exact),
        float(is_listed),
        float(is_folded),
        -cost,
        margin,
        float(margin > 0),
        evidence.get(Evidence.LEXICAL, 0.0),
        evidence.get(Evidence.PHONETIC, 0.0),
        _margin(reading, candidate, Evidence.PHONETIC),
        float(not any(Evidence.PHONETIC in other.evidence for other in reading.candidates)),
        min(letters, MAX_LETTERS) / MAX_LETTERS,
        float(len(span.tokens) - 1),
        0.0 if is_certain else english,
        0.0 if is_certain else max(0.0, span.least_frequency - RARE),
        english if is_certain else 0.0,
        float(span.is_name_like),
        prior_of(candidate.term),
        _margin(reading, candidate, Evidence.SEMANTIC),
        math.log1p(surroundings.mentions_of(candidate.term)) if cost < UNLIKE_COST else 0.0,
        0.0 if span.recogniser_probability is None else 1.0 - span.recogniser_probability,
        float(commonness_of(candidate.term)),
        gloss_words_near(surroundings.context, candidate.gloss) if surroundings.context else 0.0,
        companions_near(surroundings.context, candidate.term) if surroundings.context else 0.0,
    )


def context_of(candidate: Candidate, context: str) -> float:
    """How much the words around a place say for a candidate, 0 to 4."""
    if not context:
        return 0.0
    return gloss_words_near(context, candidate.gloss) + companions_near(context, candidate.term)


@lru_cache(maxsize=50_000)
def prior_of(term: str) -> float:
    """How common the term is in English print, by its popular spelling: Zipf, 0 to 3.5; 0 where it folds into plain
    English, whose counts are not the term's."""
    spelling = heard_letters(term).strip("#")
    spellings = {spelling, spelling.replace("aa", "a"), popular_fold(term)}
    found = max(zipf_frequency(one, "en", wordlist="large") for one in spellings)
    return 0.0 if found >= COMMON + 1 else min(MAX_PRIOR, found)


def _sound(reading: Reading, candidate: Candidate, letters: int) -> tuple[float, float]:
    """Nats a letter, and by how many nats the candidate leads the best other (negative: trails)."""
    cost = _cost(candidate.evidence.get(Evidence.SOUND))
    margin = (_cost(reading.best_other(candidate, Evidence.SOUND)) - cost) * letters
    return cost, max(-MAX_MARGIN, min(MAX_MARGIN, margin))


def _cost(likeness: float | None) -> float:
    return min(MAX_COST, -math.log(likeness)) if likeness else MAX_COST


def _two_best(candidates: Sequence[Candidate], kind: Evidence) -> tuple[float, ...]:
    scores = (candidate.evidence[kind] for candidate in candidates if kind in candidate.evidence)
    return tuple(sorted(scores, reverse=True)[:2])


def _margin(reading: Reading, candidate: Candidate, kind: Evidence) -> float:
    """By how much the candidate leads the best other in one kind of evidence; 0 where it has none."""
    if kind not in candidate.evidence:
        return 0.0
    other = reading.best_other(candidate, kind)
    return 0.0 if other is None else candidate.evidence[kind] - other
