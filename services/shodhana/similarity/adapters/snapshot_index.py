"""The vectors of one version in this process: sign bits to find, 16 bits a number to rank.

Fixed point and not float16: as exact for unit vectors, and widened to float32 seven times as fast. Source: the search
design.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..domain.index import DIMENSIONS, Halves, Matrix, Model, Neighbour, Neighbours, Path

RERANKED = 600
EXACT_BELOW = 8_000  # rows; under it one product with all rows takes no longer than two passes
BLOCK_CELLS = 4_000_000  # of a product of queries and rows: 16 MB

SCALE = 32767  # of fixed point: numbers of unit vectors lie between -1 and 1

Rows = NDArray[np.int64]
Counts = NDArray[np.uint8]


class VectorTable:
    """Rows of unit vectors, each belonging to an entry."""

    def __init__(self, entry_ids: Rows, vectors: Matrix | Halves, exact_below: int = EXACT_BELOW) -> None:
        self.entry_ids = entry_ids
        self._exact_below = exact_below
        self._rows: NDArray[np.int16] | Matrix = np.rint(np.multiply(vectors, SCALE, dtype=np.float32)).astype(np.int16)
        if len(vectors) >= exact_below:
            self._bits = np.ascontiguousarray(_sign_bits(vectors).T)  # (6, n): one pass over each word of bits

    def __len__(self) -> int:
        return len(self.entry_ids)

    def rows_of(self, eligible: Sequence[int]) -> Rows:
        """The rows of these entries."""
        return np.flatnonzero(np.isin(self.entry_ids, np.asarray(eligible, np.int64)))

    def compares_all(self, chosen: Rows | None, exact: bool) -> bool:
        """Whether every eligible row is compared in numbers rather than bits."""
        return exact or (len(self) if chosen is None else len(chosen)) < self._exact_below

    def nearest(self, queries: Matrix, limit: int, chosen: Rows | None, exact: bool) -> Iterator[tuple[Neighbour, ...]]:
        """For each query the nearest entries, each once, best first; `chosen` rows are eligible, None: all."""
        if self.compares_all(chosen, exact):
            yield from self._compare_all(queries, limit, chosen)
        else:
            for query in queries:
                yield self._find_by_bits(query, limit, chosen)

    def _compare_all(self, queries: Matrix, limit: int, chosen: Rows | None) -> Iterator[tuple[Neighbour, ...]]:
        count = len(self) if chosen is None else len(chosen)
        block = max(1, BLOCK_CELLS // max(1, count))
        for start in range(0, len(queries), block):
            for cosines in self._products(queries[start : start + block], chosen, count):
                wanted = 2 * limit  # an entry has several forms
                found = self._distinct(_top(cosines, wanted), cosines, chosen, limit)
                while len(found) < limit and wanted < count:
                    wanted *= 4
                    found = self._distinct(_top(cosines, wanted), cosines, chosen, limit)
                yield found

    def _products(self, queries: Matrix, chosen: Rows | None, count: int) -> Matrix:
        """(queries, count) cosines."""
        if chosen is None and len(self) < self._exact_below:  # compared again and again: widened once
            self._rows = self._numbers(slice(None))
            return np.asarray(queries @ self._rows.T, np.float32)
        result = np.empty((len(queries), count), np.float32)
        step = BLOCK_CELLS // DIMENSIONS
        for start in range(0, count, step):
            part = slice(start, start + step)
            result[:, part] = queries @ self._numbers(part if chosen is None else chosen[part]).T
        return result

    def _numbers(self, places: Rows | slice) -> Matrix:
        """Rows in float32."""
        rows = self._rows[places]
        if rows.dtype == np.float32:
            return np.asarray(rows, np.float32)
        widened = rows.astype(np.float32)
        widened *= 1 / SCALE
        return widened

    def _find_by_bits(self, query: Matrix, limit: int, chosen: Rows | None) -> tuple[Neighbour, ...]:
        distances = self._distances(query, chosen)
        reranked = max(RERANKED, 4 * limit)
        while True:
            near = _least(distances, reranked)
            rows = near if chosen is None else chosen[near]
            cosines = self._numbers(rows) @ query
            found = self._distinct(_top(cosines, len(cosines)), cosines, rows, limit)
            if len(found) == limit or len(near) == len(distances):
                return found
            reranked *= 4

    def _distances(self, query: Matrix, chosen: Rows | None) -> NDArray[np.uint16]:
        """Bits that differ: half of the words in bytes, which add up four times as fast, then both halves."""
        bits = self._bits if chosen is None else self._bits[:, chosen]
        words = _sign_bits(query[None])[0]
        half = len(words) // 2
        return np.add(_differing(bits[:half], words[:half]), _differing(bits[half:], words[half:]), dtype=np.uint16)

    def _distinct(self, places: Rows, cosines: Matrix, rows: Rows | None, limit: int) -> tuple[Neighbour, ...]:
        """The first `limit` entries of the places."""
        owners = self.entry_ids[places if rows is None else rows[places]].tolist()
        best: dict[int, float] = {}
        for owner, cosine in zip(owners, cosines[places].tolist(), strict=True):
            best.setdefault(owner, cosine)
            if len(best) == limit:
                break
        return tuple(Neighbour(entry, cosine) for entry, cosine in best.items())


class SnapshotIndex:
    """The port `VectorIndex` over tables held in memory; the work is done in threads."""

    def __init__(self, tables: dict[Model, VectorTable]) -> None:
        self._tables = tables

    async def nearest(
        self, model: Model, queries: Matrix, limit: int, eligible: Sequence[int] | None, exact: bool
    ) -> Neighbours:
        return await asyncio.to_thread(_nearest, self._tables[model], queries, limit, eligible, exact)


def _nearest(
    table: VectorTable, queries: Matrix, limit: int, eligible: Sequence[int] | None, exact: bool
) -> Neighbours:
    chosen = None if eligible is None else table.rows_of(eligible)
    lists = tuple(table.nearest(queries, limit, chosen, exact))
    path = Path.EXACT if table.compares_all(chosen, exact) else Path.SNAPSHOT
    return Neighbours(lists, path, len(queries) * (len(table) if chosen is None else len(chosen)))


def _sign_bits(vectors: Matrix | Halves) -> NDArray[np.uint64]:
    """(n, 6) words of sign bits."""
    packed = np.packbits(vectors > 0, axis=1)
    return np.ascontiguousarray(packed).view(np.uint64).reshape(len(vectors), DIMENSIONS // 64)


def _differing(bits: NDArray[np.uint64], words: NDArray[np.uint64]) -> Counts:
    """Of each column, how many bits differ from the words; at most three words, so that a byte holds the sum."""
    different = np.empty(bits.shape[1], np.uint64)
    counts = np.empty(bits.shape[1], np.uint8)
    total = np.zeros(bits.shape[1], np.uint8)
    for row, word in zip(bits, words, strict=True):
        np.bitwise_count(np.bitwise_xor(row, word, out=different), out=counts)
        np.add(total, counts, out=total)
    return total


def _least(distances: NDArray[np.uint16], count: int) -> Rows:
    """Places of the least distances: `count`, and all that equal the last of them."""
    if count >= len(distances):
        return np.arange(len(distances))
    low, high = 0, DIMENSIONS
    while low < high:  # nine counts are quicker than a partition
        middle = (low + high) // 2
        if np.count_nonzero(distances <= middle) < count:
            low = middle + 1
        else:
            high = middle
    return np.flatnonzero(distances <= low)


def _top(values: Matrix, count: int) -> Rows:
    """Places of the greatest `count` values, greatest first."""
    found = np.argpartition(values, -count)[-count:] if count < len(values) else np.arange(len(values))
    return found[np.argsort(values[found], kind="stable")[::-1]]
