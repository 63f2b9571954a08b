"""The vectors of one version in this process: sign bits to find, float16 to rank. Source: design of the search."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..domain.index import DIMENSIONS, Matrix, Model, Neighbour, Neighbours, Path

RERANKED = 400
EXACT_BELOW = 20_000  # rows; under it one product with all rows is faster than two passes


class VectorTable:
    """Rows of unit vectors, each belonging to an entry."""

    def __init__(self, entry_ids: NDArray[np.int64], vectors: Matrix) -> None:
        self.entry_ids = entry_ids
        self.rows = np.ascontiguousarray(vectors, np.float16)
        self.bits = _sign_bits(vectors)
        self._full = np.ascontiguousarray(vectors, np.float32) if len(vectors) < EXACT_BELOW else None

    def __len__(self) -> int:
        return len(self.entry_ids)

    def search(
        self, query: Matrix, count: int, chosen: NDArray[np.int64] | None, exact: bool
    ) -> tuple[NDArray[np.int64], Matrix]:
        """Row numbers and cosines, best first; `chosen` row numbers are eligible, None: all."""
        if self._full is not None and chosen is None:
            cosines = self._full @ query
            rows = _top(cosines, count)
            return rows, cosines[rows]
        rows = chosen if chosen is not None else np.arange(len(self))
        if not exact and len(rows) > max(RERANKED, count):
            distances = np.bitwise_count(self.bits[rows] ^ _sign_bits(query[None])[0]).sum(axis=1, dtype=np.int32)
            rows = rows[_top(-distances, max(RERANKED, 4 * count))]
        cosines = self.rows[rows].astype(np.float32) @ query
        best = _top(cosines, count)
        return rows[best], cosines[best]


class SnapshotIndex:
    """The port `VectorIndex` over tables held in memory; the work is done in threads."""

    def __init__(self, tables: dict[Model, VectorTable]) -> None:
        self._tables = tables

    async def nearest(
        self, model: Model, queries: Matrix, limit: int, eligible: Sequence[int] | None, exact: bool
    ) -> Neighbours:
        table = self._tables[model]
        lists = await asyncio.to_thread(_nearest, table, queries, limit, eligible, exact)
        is_exact = exact or len(table) < EXACT_BELOW
        return Neighbours(lists, Path.EXACT if is_exact else Path.SNAPSHOT, len(table) * len(queries))


def _nearest(
    table: VectorTable, queries: Matrix, limit: int, eligible: Sequence[int] | None, exact: bool
) -> tuple[tuple[Neighbour, ...], ...]:
    chosen = None
    if eligible is not None:
        chosen = np.flatnonzero(np.isin(table.entry_ids, np.asarray(eligible, np.int64)))
    return tuple(_distinct(table, query, limit, chosen, exact) for query in queries)


def _distinct(
    table: VectorTable, query: Matrix, limit: int, chosen: NDArray[np.int64] | None, exact: bool
) -> tuple[Neighbour, ...]:
    """The nearest entries, each once: asks for more rows until there are `limit` of them or no more rows."""
    available = len(table) if chosen is None else len(chosen)
    count = limit
    while True:
        count = min(available, 2 * count)
        rows, cosines = table.search(query, count, chosen, exact)
        best: dict[int, float] = {}
        for row, cosine in zip(rows, cosines, strict=True):
            best.setdefault(int(table.entry_ids[row]), float(cosine))
        if len(best) >= limit or count == available:
            return tuple(Neighbour(entry, cosine) for entry, cosine in list(best.items())[:limit])


def _sign_bits(vectors: Matrix) -> NDArray[np.uint64]:
    """(n, 6) words of sign bits."""
    packed = np.packbits(vectors > 0, axis=1)
    return np.ascontiguousarray(packed).view(np.uint64).reshape(len(vectors), DIMENSIONS // 64)


def _top(values: NDArray[np.generic], count: int) -> NDArray[np.int64]:
    """Places of the greatest `count` values, greatest first."""
    found = np.argpartition(values, -count)[-count:] if count < len(values) else np.arange(len(values))
    return found[np.argsort(values[found], kind="stable")[::-1]]
