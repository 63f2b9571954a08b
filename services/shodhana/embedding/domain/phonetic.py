"""How a term sounds, as a vector: learned n-grams over three readings of the word, and a small network over their sum.

The readings go from fine to coarse: popular spelling, sound classes, consonants alone. Trained by `make train-phonetic`
to bring a term and its garbled hearings together. Source: docs/adr/0010.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from shodhana.text.fold import FOLD_VERSION, popular_fold, sound_key

from .engine import Matrix, ModelCard, TokenIds

DIMENSIONS = 384
MAX_CHARACTERS = 64
BUCKETS = 16_384  # n-grams are hashed into so many rows
SIZES = (1, 2, 3)
_CLASSES = str.maketrans(
    {"b": "p", "g": "k", "d": "t", "j": "c", "z": "c", "v": "p", "w": "p", "f": "p", "m": "n", "l": "r", "q": "k"}
)
_VOWELS = str.maketrans({"e": "i", "o": "u", "y": "i"})


@dataclass(frozen=True, slots=True)
class PhoneticWeights:
    """What training found. `digest` stands for all of it."""

    grams: Matrix
    """(buckets, width)"""
    hidden: Matrix
    """(width, hidden)"""
    hidden_bias: Matrix
    output: Matrix
    """(hidden, dimensions)"""
    output_bias: Matrix
    skip: Matrix
    """(width, dimensions)"""
    digest: str


class PhoneticEngine:
    """The port `Engine` over code points."""

    def __init__(self, weights: PhoneticWeights) -> None:
        self._weights = weights

    @property
    def card(self) -> ModelCard:
        fingerprint = f"{self._weights.digest[:10]}{FOLD_VERSION}"
        return ModelCard("phonetic", DIMENSIONS, MAX_CHARACTERS, fingerprint, "numpy")

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        return [[ord(letter) for letter in text] or [32] for text in texts]

    def cut(self, ids: TokenIds, from_start: bool) -> list[int]:
        return list(ids[-MAX_CHARACTERS:] if from_start else ids[:MAX_CHARACTERS])

    def encode(self, batch: Sequence[TokenIds]) -> Matrix:
        return self.vectors(["".join(map(chr, ids)) for ids in batch])

    def vectors(self, words: Sequence[str]) -> Matrix:
        """(n, 384) unit vectors of words or phrases; all words without letters share one."""
        weights = self._weights
        rows = [features_of(word) for word in words]
        summed = np.stack([weights.grams[row].sum(axis=0) / np.sqrt(np.float32(len(row))) for row in rows])
        hidden = np.maximum(summed @ weights.hidden + weights.hidden_bias, 0)
        vectors = summed @ weights.skip + hidden @ weights.output + weights.output_bias
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


@lru_cache(maxsize=50_000)
def features_of(word: str) -> NDArray[np.int64]:
    """The buckets of a word's n-grams; bucket 0 where there is no letter."""
    found = [zlib.crc32(gram.encode()) % BUCKETS for gram in _grams(word)]
    return np.array(found or [0], np.int64)


def _grams(word: str) -> Iterator[str]:
    for reading, text in _readings(word):
        edged = f"^{text}$"
        for size in SIZES if reading != "class" else (*SIZES, 4):
            inner = text if size == 1 else edged
            yield from (f"{reading}{size}:{inner[at : at + size]}" for at in range(len(inner) - size + 1))


def _readings(word: str) -> Iterator[tuple[str, str]]:
    fold = popular_fold(word)
    unvoiced = "".join(letter for i, letter in enumerate(fold) if letter != "h" or i == 0)
    yield "fold", fold
    yield "class", unvoiced.translate(_CLASSES).translate(_VOWELS)
    yield "bones", sound_key(word)
