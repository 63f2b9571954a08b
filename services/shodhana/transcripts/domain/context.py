"""What the words around a place say of a candidate: words of its gloss, and terms that are named with it.

A lecturer explains: "… faith, this śraddhā", and counts up: "kāma, krodha, lobha". The nearer a word, the more it says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache

from wordfreq import zipf_frequency

from shodhana.sound.distance import sound_distance
from shodhana.sound.units import heard_letters, units_of_iast
from shodhana.text.fold import popular_fold
from shodhana.text.stems import spoken_forms

from .english import COMMON, VERY_COMMON
from .vocabulary import all_companions, companions_of

PLACE = "___"
NEAR = 8  # words: what stands so far off says half
FARTHEST = 40  # words
MIN_LETTERS = 3
STEM = 6  # letters: "jealous" and "jealousy" are one
COMMONEST, SPREAD = 5.7, 1.2  # Zipf: "the" says nothing, "faith" much
UNLIKE_COST = 1.2  # nats a letter from which a word is no companion
LENGTHS_APART = 4  # letters and sounds
MOST = 2.0  # words that count, near ones
COUNTED = 3  # companions
_WORD = re.compile(r"[^\W\d_]+")


@lru_cache(maxsize=100_000)
def gloss_words_near(context: str, gloss: str) -> float:
    """Words of the gloss that are said around `___`, each 0 to 1 by how near and how telling; at most 2."""
    said = _said(context)
    return min(MOST, sum(min(weight, said[stem]) for stem, weight in _telling(gloss).items() if stem in said))


@lru_cache(maxsize=100_000)
def companions_near(context: str, term: str) -> float:
    """Words around `___` that are, or sound like, terms named together with this one: each 0 to 1; at most 2."""
    own = _folds(term)
    others = [other for other in companions_of(term) if not _folds(other) & own]
    if not others:
        return 0.0
    found = sorted(
        (_likest(word, others) / (1 + far / NEAR) for word, far in _distances(context).items()), reverse=True
    )
    return min(MOST, sum(found[:COUNTED]))


@lru_cache(maxsize=10_000)
def _distances(context: str) -> Mapping[str, int]:
    """How many words each word is from the place."""
    before, _, after = context.casefold().partition(PLACE)
    found: dict[str, int] = {}
    for words in (_WORD.findall(before)[::-1], _WORD.findall(after)):
        for far, word in enumerate(words[:FARTHEST]):
            if len(word) >= MIN_LETTERS:
                found[word] = min(far, found.get(word, far))
    return found


@lru_cache(maxsize=10_000)
def _said(context: str) -> Mapping[str, float]:
    found: dict[str, float] = {}
    for word, far in _distances(context).items():
        stem = _stem(word)
        found[stem] = max(found.get(stem, 0.0), _weight(word) / (1 + far / NEAR))
    return found


@lru_cache(maxsize=20_000)
def _telling(gloss: str) -> Mapping[str, float]:
    words = (word for word in _WORD.findall(gloss.casefold()) if len(word) >= MIN_LETTERS)
    return {_stem(word): weight for word in words if (weight := _weight(word)) > 0}


def _stem(word: str) -> str:
    if word.endswith("ies"):
        word = word[:-3] + "y"
    elif word.endswith("s") and not word.endswith("ss") and len(word) > STEM - 2:
        word = word[:-1]
    return word[:STEM]


@lru_cache(maxsize=50_000)
def _weight(word: str) -> float:
    return max(0.0, min(1.0, (COMMONEST - _frequency(word)) / SPREAD))


def _likest(word: str, terms: list[str]) -> float:
    """0 to 1: 1 for a spelling of a term; English words are no likenesses, and the commonest no spellings."""
    frequency = _frequency(word)
    if any(_fold(word) in _folds(term) for term in terms):
        return float(frequency < VERY_COMMON)
    if frequency >= COMMON:
        return 0.0
    likenesses = _likenesses(word)
    return max((likenesses.get(term, 0.0) for term in terms), default=0.0)


@lru_cache(maxsize=10_000)
def _likenesses(word: str) -> Mapping[str, float]:
    """The terms that have companions and sound like the word, compared in one call."""
    letters = heard_letters(word)
    forms = [(term, sounds) for term, sounds in _sounds() if abs(len(sounds) - len(letters)) <= LENGTHS_APART]
    found: dict[str, float] = {}
    costs = sound_distance().costs([word] * len(forms), [sounds for _, sounds in forms]) if forms else ()
    for (term, _), cost in zip(forms, costs, strict=True):
        if (likeness := 1 - float(cost) / len(letters) / UNLIKE_COST) > 0:
            found[term] = max(likeness, found.get(term, 0.0))
    return found


@cache
def _sounds() -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((term, units_of_iast(form)) for term in all_companions() for form in (term, *spoken_forms(term)))


@lru_cache(maxsize=50_000)
def _frequency(word: str) -> float:
    return float(zipf_frequency(word, "en", wordlist="large"))


@lru_cache(maxsize=50_000)
def _fold(word: str) -> str:
    return popular_fold(word)


@lru_cache(maxsize=10_000)
def _folds(term: str) -> frozenset[str]:
    return frozenset(_fold(form) for form in (term, *spoken_forms(term)))
