"""How a term sounds, as a vector: hashed character n-grams over three readings of the word, from fine to coarse.

Deterministic and untrained. Each reading (popular spelling, sound classes, consonants alone) gives n-grams of one to
three letters; each n-gram adds a fixed pseudo-random unit vector, weighted by how much it says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from shodhana.text.fold import FOLD_VERSION, popular_fold, sound_key

from .engine import Matrix, ModelCard, TokenIds

DIMENSIONS = 384
MAX_CHARACTERS = 64
VERSION = 1
_CLASSES = str.maketrans(
    {"b": "p", "g": "k", "d": "t", "j": "c", "z": "c", "v": "p", "w": "p", "f": "p", "m": "n", "l": "r", "q": "k"}
)
_VOWELS = str.maketrans({"e": "i", "o": "u", "y": "i"})
WEIGHTS = {"fold": (0.4, 0.8, 0.8), "class": (0.5, 1.0, 1.0), "bones": (0.5, 0.9, 0.7)}


class PhoneticEngine:
    """The port `Engine` over code points."""

    @property
    def card(self) -> ModelCard:
        recipe = f"{VERSION}.{FOLD_VERSION}.{WEIGHTS}".encode()
        fingerprint = hashlib.blake2b(recipe, digest_size=6).hexdigest()
        return ModelCard("phonetic", DIMENSIONS, MAX_CHARACTERS, fingerprint, "numpy")

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        return [[ord(letter) for letter in text] or [32] for text in texts]

    def cut(self, ids: TokenIds, from_start: bool) -> list[int]:
        return list(ids[-MAX_CHARACTERS:] if from_start else ids[:MAX_CHARACTERS])

    def encode(self, batch: Sequence[TokenIds]) -> Matrix:
        return np.stack([vector_of("".join(map(chr, ids))) for ids in batch])


def vector_of(word: str) -> Matrix:
    """The unit vector of a word or phrase; words without letters share one."""
    total = np.zeros(DIMENSIONS, np.float32)
    for reading, text in _readings(word):
        for size, weight in enumerate(WEIGHTS[reading], 1):
            for gram in _grams(text, size):
                total += weight * _direction(f"{reading}:{gram}")
    length = float(np.linalg.norm(total))
    return total / length if length > 0 else _direction("silence").copy()


def _readings(word: str) -> Iterator[tuple[str, str]]:
    fold = popular_fold(word)
    unvoiced = "".join(letter for i, letter in enumerate(fold) if letter != "h" or i == 0)
    yield "fold", fold
    yield "class", unvoiced.translate(_CLASSES).translate(_VOWELS)
    yield "bones", sound_key(word)


def _grams(text: str, size: int) -> Iterator[str]:
    edged = f"^{text}$" if size > 1 else text
    return (edged[i : i + size] for i in range(len(edged) - size + 1))


@lru_cache(maxsize=200_000)
def _direction(feature: str) -> Matrix:
    seed = int.from_bytes(hashlib.blake2b(feature.encode(), digest_size=8).digest(), "little")
    signs = np.random.Generator(np.random.PCG64(seed)).choice(np.array([-1, 1], np.float32), DIMENSIONS)
    return np.asarray(signs / np.sqrt(np.float32(DIMENSIONS)), np.float32)
