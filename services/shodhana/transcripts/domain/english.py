"""The guard: which words are English, and stay."""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

from wordfreq import zipf_frequency

COMMON = 3.0  # Zipf frequency from which a word is plain English: one in a million or more
RARE = 2.0  # below it a word is hardly English: "saree" and "sandal" are, though not common
VERY_COMMON = 4.0  # from which even a listed popular spelling is read as English ("sat", "mad")


class EnglishWords(Protocol):
    """How common a word is in English, on the Zipf scale (log10 of occurrences in 10⁹ words); 0 for none."""

    def frequency(self, word: str) -> float: ...


class WordFrequencies:
    """The large list of package wordfreq: rare English words count too, where the evidence is weak."""

    @staticmethod
    @lru_cache(maxsize=200_000)
    def frequency(word: str) -> float:
        return float(zipf_frequency(word, "en", wordlist="large"))
