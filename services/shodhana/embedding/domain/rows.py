"""Vectors and token counts of a list of texts, and how a cache keeps those of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, Protocol

import numpy as np

from .engine import Matrix

PACKING = "f16c"  # half floats, then the count, little-endian; part of the cache key


class Row(NamedTuple):
    """A vector, None where the text is refused, and the text's tokens before truncation."""

    vector: Matrix | None
    tokens: int


class VectorCache(Protocol):
    """Bytes by key."""

    async def get_many(self, keys: Sequence[str]) -> dict[str, bytes]: ...

    async def put_many(self, values: Mapping[str, bytes]) -> None: ...


def packed(vector: Matrix, tokens: int) -> bytes:
    """What a cache keeps of a text."""
    return vector.astype("<f2").tobytes() + tokens.to_bytes(4, "little")


def packed_bytes(dimensions: int) -> int:
    """The size of it."""
    return _packing(dimensions).itemsize


def stacked(
    keys: Sequence[str], known: Mapping[str, bytes], fresh: Mapping[str, Row], dimensions: int
) -> tuple[Matrix, list[int]]:
    """Vectors and token counts in the order of the keys, each packed in `known` or a row of `fresh`."""
    vectors = np.zeros((len(keys), dimensions), np.float32)
    tokens = np.zeros(len(keys), np.int64)
    if known:
        hits = [place for place, key in enumerate(keys) if key in known]
        table = np.frombuffer(b"".join([known[keys[place]] for place in hits]), _packing(dimensions))
        vectors[hits], tokens[hits] = table["vector"], table["tokens"]
    if fresh:
        for place, key in enumerate(keys):
            row = fresh.get(key)
            if row is not None:
                tokens[place] = row.tokens
                if row.vector is not None:
                    vectors[place] = row.vector
    return vectors, tokens.tolist()


def sliced(vectors: Matrix, width: int) -> Matrix:
    """The first `width` numbers of each row, scaled to unit length again; rows of zeros stay."""
    if width == vectors.shape[1]:
        return vectors
    cut = vectors[:, :width]
    lengths = np.linalg.norm(cut, axis=1, keepdims=True)
    return np.asarray(cut / np.where(lengths > 0, lengths, 1), np.float32)


@cache
def _packing(dimensions: int) -> np.dtype[Any]:
    return np.dtype([("vector", "<f2", (dimensions,)), ("tokens", "<u4")])
