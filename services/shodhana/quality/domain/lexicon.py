"""The port of what the lexicon says of a spelling."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from shodhana.text.fold import FOLD_VERSION, ascii_fold, popular_fold
from shodhana.text.normalize import nfc

_CLASS_NASAL = re.compile("ṅ(?=[kg])|ñ(?=[cj])|ṇ(?=[ṭḍ])|n(?=[td])|m(?=[pb])")


@dataclass(frozen=True, slots=True)
class KnownTerms:
    """A version's terms: canonical spellings by popular fold, and those that are English words too.

    `digest` stands for them all: two lexicons may have a version of the same name.
    """

    version: str
    by_fold: dict[str, tuple[str, ...]] = field(default_factory=dict)
    anglicised: frozenset[str] = frozenset()
    digest: str = ""

    @classmethod
    def of(cls, version: str, terms: Iterable[tuple[str, bool]]) -> KnownTerms:
        """From (term, whether anglicised)."""
        spelled = sorted({(nfc(term).casefold(), is_english) for term, is_english in terms})
        by_fold: dict[str, tuple[str, ...]] = {}
        anglicised = set()
        for canonical, is_english in spelled:
            for fold in {popular_fold(canonical), popular_fold(ascii_fold(canonical))}:  # Krishna, and Krsna too
                if canonical not in by_fold.get(fold, ()):
                    by_fold[fold] = (*by_fold.get(fold, ()), canonical)
                if is_english:
                    anglicised.add(fold)
        digest = hashlib.blake2b(repr((FOLD_VERSION, spelled)).encode(), digest_size=8).hexdigest()
        return cls(version, by_fold, frozenset(anglicised), digest)

    def canonical(self, word: str) -> tuple[str, ...]:
        """The spellings of terms with the same popular fold; empty for an unknown word."""
        return self.by_fold.get(popular_fold(word), ())

    def is_anglicised(self, word: str) -> bool:
        """Whether the word may stay in its English spelling."""
        return popular_fold(word) in self.anglicised

    def has_spelling(self, word: str) -> bool:
        """Whether the word is a term as the lexicon spells it; anusvāra and class nasal count as equal."""
        wanted = nasals_merged(nfc(word).casefold())
        return any(nasals_merged(term) == wanted for term in self.canonical(word))


def nasals_merged(word: str) -> str:
    """The nasal of a consonant's own class as anusvāra: saṃcita and sañcita are one spelling, "samcita" another."""
    return _CLASS_NASAL.sub("ṃ", word)


class Lexicon(Protocol):
    """Where the known terms come from."""

    def terms(self) -> KnownTerms | None:
        """Those of the active version; None while none was reachable yet."""
        ...
