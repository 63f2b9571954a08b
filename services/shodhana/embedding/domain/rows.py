"""One text's vector and token count, and how a cache keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from .engine import Matrix

PACKING = "f16c"  # half floats, then the count; part of the cache key
_COUNT_BYTES = 4


class Row(NamedTuple):
    """A vector, None where the text is refused, and the text's tokens before truncation."""

    vector: Matrix | None
    tokens: int


class VectorCache(Protocol):
    """Bytes by key."""

    async def get_many(self, keys: Sequence[str]) -> dict[str, bytes]: ...

    async def put_many(self, values: Mapping[str, bytes]) -> None: ...


def packed(vector: Matrix, tokens: int) -> bytes:
    """Half floats and the token count, little-endian."""
    return vector.astype("<f2").tobytes() + tokens.to_bytes(_COUNT_BYTES, "little")


def unpacked(data: bytes) -> Row:
    """What `packed` made."""
    halves = np.frombuffer(data, "<f2", (len(data) - _COUNT_BYTES) // 2)
    return Row(halves.astype(np.float32), int.from_bytes(data[-_COUNT_BYTES:], "little"))


def packed_bytes(dimensions: int) -> int:
    """The size of a packed row."""
    return 2 * dimensions + _COUNT_BYTES


def stacked(rows: Sequence[Row], dimensions: int, width: int) -> Matrix:
    """The first `width` of each row's numbers, of unit length; zeros for a row without a vector."""
    vectors = np.zeros((len(rows), dimensions), np.float32)
    for place, row in enumerate(rows):
        if row.vector is not None:
            vectors[place] = row.vector
    cut = vectors[:, :width]
    lengths = np.sqrt(np.einsum("ij,ij->i", cut, cut))[:, None]
    return np.asarray(np.divide(cut, lengths, out=np.zeros_like(cut), where=lengths > 0), np.float32)
