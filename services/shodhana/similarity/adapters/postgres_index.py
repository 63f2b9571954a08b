"""pgvector as a vector search: HNSW where there are many rows, all rows compared where there are few."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import asyncpg

from shodhana.runtime.postgres import Connection

from ..domain.index import Matrix, Model, Neighbour, Neighbours, Path

EXACT_BELOW = 1700  # matching rows; the planner does not see by itself that HNSW loses there
EF_SEARCH = 100
OVERFETCH = (4, 32)  # rows asked of the index for each entry wanted: it has several forms, and others are filtered out


@dataclass(frozen=True, slots=True)
class Extent:
    """What is eligible: forms, entries and the domains (partitions) they are in."""

    rows: int
    entries: int
    domains: tuple[str, ...]


class PostgresIndex:
    """The port `VectorIndex` over `semantic_embeddings`, for one version."""

    def __init__(self, pool: asyncpg.Pool, version_id: int, model_ids: dict[Model, str]) -> None:
        self._pool = pool
        self._version_id = version_id
        self._model_ids = model_ids
        self._whole: Extent | None = None

    async def nearest(
        self, model: Model, queries: Matrix, limit: int, eligible: Sequence[int] | None, exact: bool
    ) -> Neighbours:
        ids = None if eligible is None else list(eligible)
        async with self._pool.acquire() as connection, connection.transaction():
            extent = await self._extent(connection, ids)
            base = (self._model_ids[model], limit, self._version_id, ids)
            found: dict[int, tuple[Neighbour, ...]] = {}
            missing = list(range(len(queries)))
            if not exact and extent.rows >= EXACT_BELOW:
                await connection.execute(_BY_INDEX)
                for factor in OVERFETCH:
                    vectors = [_literal(queries[place]) for place in missing]
                    rows = await connection.fetch(_NEAREST, vectors, *base, extent.domains, factor * limit)
                    found |= _lists(missing, rows)
                    missing = [place for place in missing if len(found.get(place, ())) < min(limit, extent.entries)]
            by_index = len(queries) - len(missing)
            if missing:  # few rows, or the index met too few that are eligible
                compared, nested_loops = (_ALL, "off") if extent.rows >= EXACT_BELOW else (_FEW, "on")
                await connection.execute(_BY_COMPARING, nested_loops)
                rows = await connection.fetch(compared, [_literal(queries[place]) for place in missing], *base)
                found |= _lists(missing, rows)
        lists = tuple(found.get(place, ()) for place in range(len(queries)))
        return Neighbours(lists, Path.HNSW if by_index else Path.EXACT, extent.rows * len(missing))

    async def _extent(self, connection: Connection, ids: list[int] | None) -> Extent:
        """That of the whole version is counted once: a version never changes."""
        if ids is None and self._whole is not None:
            return self._whole
        row = await connection.fetchrow(_EXTENT, self._version_id, ids)
        extent = Extent(row[0], row[1], tuple(row[2] or ())) if row else Extent(0, 0, ())
        if ids is None:
            self._whole = extent
        return extent


def _lists(places: Sequence[int], rows: Iterable[asyncpg.Record]) -> dict[int, tuple[Neighbour, ...]]:
    """Rows (query, entry, distance), nearest first, as lists by place."""
    lists: dict[int, list[Neighbour]] = {}
    for row in rows:
        lists.setdefault(places[row["query"] - 1], []).append(Neighbour(row["entry_id"], 1 - row["distance"]))
    return {place: tuple(near) for place, near in lists.items()}


def _literal(vector: Matrix) -> str:
    return f"[{','.join(f'{number:.5g}' for number in vector)}]"


# What holds for the transaction, in one round trip. The order of the joins is that of the text, and sorting or nested
# loops are ruled out, because a lexicon is searched as soon as it is imported: without statistics the planner reads
# all rows where it should use the index, and walks through all vectors of a domain for each form.
_BY_INDEX = (
    f"SELECT set_config('hnsw.ef_search', '{EF_SEARCH}', true),"
    " set_config('hnsw.iterative_scan', 'relaxed_order', true), set_config('enable_sort', 'off', true),"
    " set_config('enable_seqscan', 'off', true), set_config('join_collapse_limit', '1', true)"
)
_BY_COMPARING = (
    "SELECT set_config('enable_sort', 'on', true), set_config('enable_seqscan', 'on', true),"
    " set_config('join_collapse_limit', '1', true), set_config('enable_nestloop', $1, true)"
)

_EXTENT = """
SELECT count(*), count(DISTINCT entry_id), array_agg(DISTINCT domain)
FROM version_entry JOIN lexicon_entry USING (entry_id) JOIN lexicon_form USING (entry_id)
WHERE version_id = $1 AND ($2::bigint[] IS NULL OR entry_id = ANY($2))
"""

_QUERIES = """
WITH queries AS MATERIALIZED (
    SELECT text::halfvec(384) AS vector, place FROM unnest($1::text[]) WITH ORDINALITY AS given (text, place)
)
SELECT queries.place AS query, hit.entry_id, hit.distance
FROM queries, LATERAL ("""

# An entry's phonetic vectors have no context; that of its gloss has the gloss's hash.
_ELIGIBLE = """
    WHERE version_id = $4 AND ($5::bigint[] IS NULL OR entry_id = ANY($5))
      AND vectors.context_hash IN ('', md5(entry.gloss))
    GROUP BY entry_id ORDER BY distance LIMIT $3
) AS hit ORDER BY queries.place, hit.distance
"""

_NEAREST = f"""{_QUERIES}
    WITH vectors AS MATERIALIZED (
        SELECT term_norm, domain, context_hash, embedding <=> queries.vector AS distance
        FROM semantic_embeddings
        WHERE model_id = $2 AND domain = ANY($6::text[])
        ORDER BY embedding <=> queries.vector
        LIMIT $7
    )
    SELECT entry_id, min(distance) AS distance
    FROM vectors
    JOIN lexicon_form USING (term_norm)
    JOIN lexicon_entry AS entry USING (entry_id, domain)
    JOIN version_entry USING (entry_id){_ELIGIBLE}"""

_FORMS = f"""{_QUERIES}
    SELECT entry_id, min(vectors.embedding <=> queries.vector) AS distance
    FROM version_entry
    JOIN lexicon_entry AS entry USING (entry_id)
    JOIN lexicon_form USING (entry_id)"""

_ALL = f"""{_FORMS}
    JOIN semantic_embeddings AS vectors
      ON vectors.model_id = $2 AND vectors.domain = entry.domain AND vectors.term_norm = lexicon_form.term_norm
    {_ELIGIBLE}"""

# OFFSET 0 keeps the key's three columns together, so that each form is looked up by all of them.
_FEW = f"""{_FORMS}
    JOIN LATERAL (
        SELECT embedding, context_hash FROM semantic_embeddings AS held
        WHERE held.model_id = $2 AND held.domain = entry.domain AND held.term_norm = lexicon_form.term_norm
        OFFSET 0
    ) AS vectors ON true
    {_ELIGIBLE}"""
