"""pgvector as a vector search: HNSW where there are many rows, all rows compared where there are few."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from shodhana.runtime.postgres import Connection

from ..domain.index import Matrix, Model, Neighbour, Neighbours, Path

EXACT_BELOW = 1700  # matching rows; the planner does not see by itself that HNSW loses there
EF_SEARCH = 100
OVERFETCH = 4  # an entry has several forms


class PostgresIndex:
    """The port `VectorIndex` over `semantic_embeddings`, for one version."""

    def __init__(self, pool: asyncpg.Pool, version_id: int, model_ids: dict[Model, str]) -> None:
        self._pool = pool
        self._version_id = version_id
        self._model_ids = model_ids
        self._whole: tuple[int, int] | None = None

    async def nearest(
        self, model: Model, queries: Matrix, limit: int, eligible: Sequence[int] | None, exact: bool
    ) -> Neighbours:
        async with self._pool.acquire() as connection, connection.transaction():
            rows, entries = await self._counts(connection, eligible)
            is_exact = exact or rows < EXACT_BELOW
            await connection.execute(_settings(is_exact))
            lists = [await self._nearest(connection, model, query, limit, eligible) for query in queries]
            short = [place for place, found in enumerate(lists) if len(found) < min(limit, entries)]
            if short and not is_exact:  # the index gave up before it met enough eligible rows
                is_exact = True
                await connection.execute(_settings(is_exact))
                for place in short:
                    lists[place] = await self._nearest(connection, model, queries[place], limit, eligible)
        return Neighbours(tuple(lists), Path.EXACT if is_exact else Path.HNSW, rows * len(queries) if is_exact else 0)

    async def _nearest(
        self, connection: Connection, model: Model, query: Matrix, limit: int, eligible: Sequence[int] | None
    ) -> tuple[Neighbour, ...]:
        fetch = limit * OVERFETCH
        while True:
            rows = await connection.fetch(
                _QUERY, self._model_ids[model], _literal(query), fetch, self._version_id, _ids(eligible)
            )
            best: dict[int, float] = {}
            for row in rows:
                best.setdefault(row["entry_id"], 1 - row["distance"])
            near = rows[0]["near_count"] if rows else 0
            if len(best) >= limit or near < fetch:
                return tuple(Neighbour(entry, cosine) for entry, cosine in list(best.items())[:limit])
            fetch *= 4

    async def _counts(self, connection: Connection, eligible: Sequence[int] | None) -> tuple[int, int]:
        """Forms and entries that are eligible; those of the whole version are counted once, it never changes."""
        if eligible is None and self._whole is not None:
            return self._whole
        row = await connection.fetchrow(
            "SELECT count(*), count(DISTINCT entry_id) FROM version_entry JOIN lexicon_form USING (entry_id) "
            "WHERE version_id = $1 AND ($2::bigint[] IS NULL OR entry_id = ANY($2))",
            self._version_id,
            _ids(eligible),
        )
        counts = (row[0], row[1]) if row else (0, 0)
        if eligible is None:
            self._whole = counts
        return counts


def _settings(is_exact: bool) -> str:
    return (
        f"SELECT set_config('hnsw.ef_search', '{EF_SEARCH}', true),"
        " set_config('hnsw.iterative_scan', 'relaxed_order', true),"
        f" set_config('enable_indexscan', '{'off' if is_exact else 'on'}', true),"
        " set_config('jit', 'off', true)"
    )


def _ids(eligible: Sequence[int] | None) -> list[int] | None:
    return None if eligible is None else list(eligible)


def _literal(vector: Matrix) -> str:
    return f"[{','.join(f'{number:.5g}' for number in vector)}]"


_QUERY = """
WITH near AS MATERIALIZED (
    SELECT vectors.term_norm, vectors.domain, vectors.context_hash, vectors.embedding <=> $2::halfvec(384) AS distance
    FROM semantic_embeddings AS vectors
    WHERE vectors.model_id = $1
      AND EXISTS (
        SELECT FROM lexicon_form
        JOIN version_entry USING (entry_id)
        JOIN lexicon_entry AS entry USING (entry_id)
        WHERE version_id = $4 AND lexicon_form.term_norm = vectors.term_norm AND entry.domain = vectors.domain
          AND ($5::bigint[] IS NULL OR entry_id = ANY($5))
      )
    ORDER BY distance
    LIMIT $3
)
SELECT entry.entry_id, near.distance, (SELECT count(*) FROM near) AS near_count
FROM near
JOIN lexicon_form USING (term_norm)
JOIN lexicon_entry AS entry USING (entry_id)
JOIN version_entry USING (entry_id)
WHERE version_id = $4 AND entry.domain = near.domain AND ($5::bigint[] IS NULL OR entry_id = ANY($5))
ORDER BY near.distance
"""
