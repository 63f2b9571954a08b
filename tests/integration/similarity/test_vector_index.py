"""One contract for every vector index: the snapshot, by numbers and by bits, and pgvector."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import numpy as np
import pytest
from shodhana.runtime.postgres import open_pool
from shodhana.runtime.settings import RuntimeSettings
from shodhana.similarity.adapters.postgres_index import EXACT_BELOW, PostgresIndex
from shodhana.similarity.adapters.postgres_store import PostgresStore
from shodhana.similarity.adapters.snapshot_index import SnapshotIndex, VectorTable
from shodhana.similarity.domain.index import DIMENSIONS, Matrix, Model, Path, VectorIndex
from shodhana.similarity.domain.lexicon import Entry, NewVersion
from shodhana.stack.migrations import role_of

MODEL_ID = "phonetic@test"
ENTRIES, CLUSTERS = 2000, 40
HALF_PRECISION = 3e-3
ROLE_PASSWORD = "only-for-tests"


@dataclass(frozen=True, slots=True)
class Corpus:
    """A version whose entries lie in clusters, half of these in the domain `scriptural`; an eighth is left out of it.

    `owners` and `vectors` are the rows of the version; `scriptural` its entries of that domain.
    """

    url: str
    version_id: int
    owners: np.ndarray[Any, np.dtype[np.int64]]
    vectors: Matrix
    scriptural: tuple[int, ...]

    def nearest(self, query: Matrix, limit: int, eligible: Sequence[int] | None = None) -> list[tuple[int, float]]:
        """What every index is measured by: all rows compared, in float32."""
        best: dict[int, float] = {}
        for owner, cosine in zip(self.owners.tolist(), (self.vectors @ query).tolist(), strict=True):
            if eligible is None or owner in eligible:
                best[owner] = max(cosine, best.get(owner, -1.0))
        return sorted(best.items(), key=lambda found: -found[1])[:limit]


@pytest.fixture(scope="session")
def corpus(postgres_server: Any) -> Corpus:
    return asyncio.run(_made(postgres_server))


async def _made(server: Any) -> Corpus:
    connection = await asyncpg.connect(server.url_of("shodhana", server.password, "postgres"))
    await connection.execute("CREATE DATABASE index_contract TEMPLATE shodhana")
    await connection.close()
    await _leave_without_statistics(server.url_of("shodhana", server.password, "index_contract"))
    url = server.url_of(role_of("similarity"), ROLE_PASSWORD, "index_contract")
    random = np.random.default_rng(7)
    centres = random.standard_normal((CLUSTERS, DIMENSIONS))
    entries, vectors = [], {}
    for number in range(ENTRIES):
        cluster = number % CLUSTERS
        domain = "scriptural" if cluster % 2 else "spiritual"
        term, alias = _word(number), _word(number + ENTRIES)
        entries.append(Entry(term, domain, "", "", str(number), (alias,)))
        for form in entries[-1].forms:
            vectors[domain, form, ""] = _unit(centres[cluster] + 0.9 * random.standard_normal(DIMENSIONS))
    async with open_pool(RuntimeSettings(database_url=url, pool_min=1, pool_max=2), "similarity") as pool:
        store = PostgresStore(pool)
        await store.create_version(NewVersion(tuple(entries)))
        await store.add_vectors(MODEL_ID, vectors.items())
        inside = tuple(entry for number, entry in enumerate(entries) if number % 8)
        made = await store.create_version(NewVersion(inside, merge=False))
        kept = await store.entries(made.version.version_id)
    rows = [(entry.entry_id, vectors[entry.domain, form, ""]) for entry in kept for form in entry.forms]
    return Corpus(
        url,
        made.version.version_id,
        np.array([owner for owner, _ in rows]),
        np.stack([vector for _, vector in rows]),
        tuple(entry.entry_id for entry in kept if entry.domain == "scriptural"),
    )


async def _leave_without_statistics(url: str) -> None:
    """As a lexicon is in the minute after its import."""
    connection = await asyncpg.connect(url)
    tables = await connection.fetch(
        "SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'similarity'::regnamespace AND relkind = 'r'"
    )
    for (table,) in tables:
        await connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
    await connection.close()


def _word(number: int) -> str:
    """A word whose popular fold is its own."""
    letters = []
    for _ in range(4):
        number, place = divmod(number, 10)
        letters.append("kgtdpbrlvs"[place] + "aiu"[place % 3])
    return "".join(letters) + "m"


def _unit(vector: Any) -> Matrix:
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


@pytest.fixture(params=["snapshot by numbers", "snapshot by bits", "postgres"])
async def index(request: pytest.FixtureRequest, corpus: Corpus) -> AsyncIterator[VectorIndex]:
    if request.param == "postgres":
        settings = RuntimeSettings(database_url=corpus.url, pool_min=1, pool_max=2)
        async with open_pool(settings, "similarity") as pool:
            yield PostgresIndex(pool, corpus.version_id, {Model.PHONETIC: MODEL_ID})
    else:
        exact_below = 0 if request.param == "snapshot by bits" else ENTRIES * 4
        yield SnapshotIndex({Model.PHONETIC: VectorTable(corpus.owners, corpus.vectors, exact_below)})


@pytest.fixture
def queries(corpus: Corpus) -> Matrix:
    """Vectors near some of the corpus."""
    random = np.random.default_rng(11)
    chosen = corpus.vectors[random.choice(len(corpus.vectors), 30, replace=False)]
    return np.stack([_unit(row + 0.02 * random.standard_normal(DIMENSIONS)) for row in chosen])


async def test_nearly_all_of_the_nearest_are_found(index: VectorIndex, corpus: Corpus, queries: Matrix) -> None:
    found = await index.nearest(Model.PHONETIC, queries, 10, None, False)
    hits = sum(
        len({one.entry_id for one in near} & {entry for entry, _ in corpus.nearest(query, 10)})
        for near, query in zip(found.lists, queries, strict=True)
    )
    assert hits / (10 * len(queries)) >= 0.97


async def test_an_exact_search_finds_what_comparing_all_finds(
    index: VectorIndex, corpus: Corpus, queries: Matrix
) -> None:
    found = await index.nearest(Model.PHONETIC, queries, 5, None, True)
    assert found.path is Path.EXACT
    for near, query in zip(found.lists, queries, strict=True):
        right = corpus.nearest(query, 5)
        assert [one.cosine for one in near] == pytest.approx([cosine for _, cosine in right], abs=HALF_PRECISION)
        assert near[0].entry_id == right[0][0]


async def test_each_entry_comes_once_and_the_best_first(index: VectorIndex, queries: Matrix) -> None:
    for near in (await index.nearest(Model.PHONETIC, queries, 50, None, False)).lists:
        assert len({one.entry_id for one in near}) == len(near) == 50
        cosines = [one.cosine for one in near]
        assert cosines == sorted(cosines, reverse=True)


@pytest.mark.parametrize("count", [1, 10, 12, 1000])
async def test_a_filter_to_far_entries_is_never_short(
    index: VectorIndex, corpus: Corpus, queries: Matrix, count: int
) -> None:
    near_spiritual = np.stack([q for q in queries if corpus.nearest(q, 1)[0][0] not in corpus.scriptural])
    eligible = corpus.scriptural[:count]
    found = await index.nearest(Model.PHONETIC, near_spiritual, 10, eligible, False)
    for near in found.lists:
        assert {one.entry_id for one in near} <= set(eligible)
        assert len(near) == min(10, len(eligible))


async def test_more_than_there_are_gives_all_there_are(index: VectorIndex, corpus: Corpus, queries: Matrix) -> None:
    eligible = corpus.scriptural[:7]
    [near] = (await index.nearest(Model.PHONETIC, queries[:1], 100, eligible, False)).lists
    assert {one.entry_id for one in near} == set(eligible)


async def test_nothing_eligible_gives_nothing(index: VectorIndex, queries: Matrix) -> None:
    assert (await index.nearest(Model.PHONETIC, queries[:2], 5, (), False)).lists == ((), ())


async def test_a_batch_finds_what_single_queries_find(index: VectorIndex, queries: Matrix) -> None:
    together = await index.nearest(Model.PHONETIC, queries, 5, None, False)
    for query, near in zip(queries, together.lists, strict=True):
        [alone] = (await index.nearest(Model.PHONETIC, query[None], 5, None, False)).lists
        assert [one.entry_id for one in near] == [one.entry_id for one in alone]


async def test_entries_of_other_versions_are_not_found(index: VectorIndex, corpus: Corpus, queries: Matrix) -> None:
    found = await index.nearest(Model.PHONETIC, queries, 50, None, False)
    assert {one.entry_id for near in found.lists for one in near} <= set(corpus.owners.tolist())


async def test_the_path_says_how_it_was_found(index: VectorIndex, corpus: Corpus, queries: Matrix) -> None:
    approximate = (await index.nearest(Model.PHONETIC, queries[:1], 5, None, False)).path
    few = await index.nearest(Model.PHONETIC, queries[:1], 5, corpus.scriptural[:100], True)
    assert few.path is Path.EXACT
    assert few.compared == 200
    if isinstance(index, PostgresIndex):
        assert approximate is Path.HNSW
        routed = await index.nearest(Model.PHONETIC, queries[:1], 5, corpus.scriptural[:100], False)
        assert routed.path is Path.EXACT
    else:
        assert approximate in (Path.EXACT, Path.SNAPSHOT)


async def test_a_table_of_many_rows_is_scanned_by_bits(corpus: Corpus, queries: Matrix) -> None:
    index = SnapshotIndex({Model.PHONETIC: VectorTable(corpus.owners, corpus.vectors, exact_below=1000)})
    assert (await index.nearest(Model.PHONETIC, queries[:1], 5, None, False)).path is Path.SNAPSHOT
    few = await index.nearest(Model.PHONETIC, queries[:1], 5, corpus.scriptural[:100], False)
    assert few.path is Path.EXACT


async def test_an_empty_table_gives_nothing(queries: Matrix) -> None:
    empty = VectorTable(np.zeros(0, np.int64), np.zeros((0, DIMENSIONS), np.float32))
    found = await SnapshotIndex({Model.PHONETIC: empty}).nearest(Model.PHONETIC, queries[:2], 5, None, False)
    assert found.lists == ((), ())


async def test_the_search_by_index_reads_the_index(corpus: Corpus, queries: Matrix) -> None:
    settings = RuntimeSettings(database_url=corpus.url, pool_min=1, pool_max=1)
    async with open_pool(settings, "similarity") as pool:
        await PostgresIndex(pool, corpus.version_id, {Model.PHONETIC: MODEL_ID}).nearest(
            Model.PHONETIC, queries, 5, None, False
        )
        await pool.execute("SELECT pg_stat_force_next_flush()")
        scans = await pool.fetchval(
            "SELECT sum(idx_scan) FROM pg_stat_user_indexes WHERE indexrelname LIKE 'semantic_embeddings_%_hnsw'"
        )
    assert scans >= len(queries)


@pytest.mark.parametrize(
    ("count", "exact", "most_blocks"),
    [(ENTRIES, False, 8000), (ENTRIES, True, 8000), (EXACT_BELOW // 2 - 1, False, 20_000), (12, False, 1000)],
)
async def test_a_search_without_statistics_reads_few_blocks(
    corpus: Corpus, queries: Matrix, count: int, exact: bool, most_blocks: int
) -> None:
    settings = RuntimeSettings(database_url=corpus.url, pool_min=1, pool_max=1)
    eligible = sorted(set(corpus.owners.tolist()))[:count]
    async with open_pool(settings, "similarity") as pool:
        before = await pool.fetchval(_BLOCKS_READ)
        index = PostgresIndex(pool, corpus.version_id, {Model.PHONETIC: MODEL_ID})
        await index.nearest(Model.PHONETIC, queries[:1], 10, eligible, exact)
        assert await pool.fetchval(_BLOCKS_READ) - before <= most_blocks


_BLOCKS_READ = """
SELECT coalesce(sum(shared_blks_hit + shared_blks_read), 0)::bigint FROM pg_stat_statements
WHERE query LIKE '%semantic_embeddings%' AND query LIKE '%halfvec%'
"""


async def test_among_100_000_vectors_the_snapshot_finds_99_of_100() -> None:
    """Clusters of like directions, as embeddings have; measured by comparing all rows."""
    random = np.random.default_rng(3)
    centres = random.standard_normal((500, DIMENSIONS), np.float32)
    rows = centres[random.integers(0, 500, 100_000)] + 0.8 * random.standard_normal((100_000, DIMENSIONS), np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    queries = rows[:40] + 0.02 * random.standard_normal((40, DIMENSIONS), np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    index = SnapshotIndex({Model.SEMANTIC: VectorTable(np.arange(100_000), rows)})
    found = await index.nearest(Model.SEMANTIC, queries, 10, None, False)
    assert found.path is Path.SNAPSHOT
    right = [set(np.argpartition(rows @ query, -10)[-10:].tolist()) for query in queries]
    hits = sum(len({one.entry_id for one in near} & best) for near, best in zip(found.lists, right, strict=True))
    assert hits / 400 >= 0.99
    foreign = range(0, 100_000, 7)
    filtered = await index.nearest(Model.SEMANTIC, queries, 10, foreign, False)
    assert all(len(near) == 10 and {one.entry_id % 7 for one in near} == {0} for near in filtered.lists)
