"""Search of 100,000 vectors: the service's snapshot, and through gRPC, beside pgvector and faiss called directly.

    python tests/load/bench_search.py [--vectors 100000] [--queries 400] [--keep vectors.npy] [--json FILE]

One caller, real embeddings, all paths in turn. CPU is that of all who take part (for pgvector: the backend and its
caller; through gRPC: caller and server, with tokens, validation, metrics and log as in production). Recall is against
comparing all vectors in float32. "Filtered" allows one of seven entries, far from the query as often as near.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

import asyncpg
import faiss
import grpc
import numpy as np
import psutil
from shodhana.api.similarity.v1 import similarity_pb2 as pb
from shodhana.api.similarity.v1 import similarity_pb2_grpc as grpc_api
from shodhana.embedding.adapters.openvino_engine import OpenVinoEngine
from shodhana.identity.adapters.key_files import KeyFileSigner
from shodhana.runtime import telemetry
from shodhana.runtime.application import Application
from shodhana.runtime.cache import LayeredCache, MemoryCache
from shodhana.similarity.adapters.snapshot_index import SnapshotIndex, VectorTable
from shodhana.similarity.domain.importers import LexiconFormat, Provenance, parse
from shodhana.similarity.domain.index import DIMENSIONS, Matrix, Model, Neighbours
from shodhana.similarity.domain.lexicon import Entry, Version
from shodhana.similarity.domain.lookup import LoadedVersion
from shodhana.similarity.domain.search import Searcher
from shodhana.similarity.servicer import SimilarityServicer
from shodhana.similarity.settings import SimilaritySettings
from shodhana.stack.places import GLOSSARY, MODEL
from shodhana.stack.ports import free_port
from shodhana.stack.postgres import EmbeddedPostgres

K = 10
ROUNDS = 4
FILTER = 7  # one of so many entries passes
PERMISSION = "lexicon:read"
Search = Callable[[int], Awaitable[Sequence[int]]]


@dataclass(frozen=True, slots=True)
class Goal:
    """What a path of ours is to reach."""

    cpu_ms: float
    recall: float


@dataclass(slots=True)
class Measured:
    """A way to search, and what was measured of it. `right` are the nearest rows of each query."""

    name: str
    search: Search
    right: Sequence[set[int]]
    cpu_clock: Callable[[], float] = time.process_time
    goal: Goal | None = None
    latencies_ms: list[float] = field(default_factory=list)
    cpu_s: float = 0.0
    found: dict[int, set[int]] = field(default_factory=dict)

    async def run(self, numbers: Sequence[int]) -> None:
        began_cpu = self.cpu_clock()
        for number in numbers:
            began = time.perf_counter()
            rows = await self.search(number)
            self.latencies_ms.append((time.perf_counter() - began) * 1e3)
            self.found[number] = set(rows[:K])
        self.cpu_s += self.cpu_clock() - began_cpu

    def result(self) -> dict[str, Any]:
        hits = sum(len(found & self.right[number]) for number, found in self.found.items())
        return {
            "path": self.name,
            "recall_at_10": round(hits / (K * len(self.found)), 4),
            "fewest": min(map(len, self.found.values())),
            "cpu_ms": round(self.cpu_s * 1e3 / len(self.latencies_ms), 3),
            "p50_ms": round(float(np.percentile(self.latencies_ms, 50)), 3),
            "p99_ms": round(float(np.percentile(self.latencies_ms, 99)), 3),
            "goal": None if self.goal is None else {"cpu_ms": self.goal.cpu_ms, "recall_at_10": self.goal.recall},
        }


def phrases(count: int) -> list[str]:
    """Distinct phrases of words that stand near each other in glosses, with a term."""
    random = np.random.default_rng(5)
    parsed = [parse(file.read_bytes(), LexiconFormat.TSV, Provenance()) for file in sorted(GLOSSARY.glob("*.tsv"))]
    entries = [entry for one in parsed for entry in one.entries]
    glosses = [entry.gloss.split() for entry in entries]
    made: dict[str, None] = {}
    while len(made) < count:
        first, second, third = random.integers(0, len(entries), 3)
        start = int(random.integers(0, max(1, len(glosses[first]) - 3)))
        words = glosses[first][start : start + int(random.integers(2, 6))] + glosses[second][:3]
        made[f"{entries[third].term} {' '.join(words)}"] = None
    return list(made)


def vectors_of(count: int, kept: Path | None) -> Matrix:
    """(count, 384) real embeddings; computed once where they are kept."""
    if kept is not None and kept.exists():
        found: Matrix = np.load(kept)
        if len(found) >= count:
            return found[:count]
    engine = OpenVinoEngine(MODEL, os.cpu_count() or 1)
    texts = sorted(phrases(count), key=len)
    parts = [engine.encode(engine.tokenize(texts[start : start + 64])) for start in range(0, count, 64)]
    shuffled = np.random.default_rng(6).permutation(count)
    made = np.asarray(np.concatenate(parts)[shuffled], np.float32)
    if kept is not None:
        np.save(kept, made)
    return made


def nearest_rows(vectors: Matrix, queries: Matrix, step: int = 1) -> list[set[int]]:
    """The nearest of every `step`th row."""
    allowed = vectors[::step]
    return [{step * row for row in np.argpartition(allowed @ query, -K)[-K:].tolist()} for query in queries]


def snapshot_search(index: SnapshotIndex, queries: Matrix, eligible: Sequence[int] | None = None) -> Search:
    async def search(number: int) -> Sequence[int]:
        found = await index.nearest(Model.SEMANTIC, queries[number : number + 1], K, eligible, False)
        return [neighbour.entry_id for neighbour in found.lists[0]]

    return search


class KnownVectors:
    """The port `Vectorizer` with the vectors of the queries at hand, as if the embedding service had them cached."""

    def __init__(self, queries: Matrix) -> None:
        self._queries = queries

    async def vectors(self, model: Model, texts: Sequence[str], fingerprint: str, bulk: bool = False) -> Matrix:
        return self._queries[[int(text) for text in texts]]

    async def fingerprints(self) -> dict[Model, str]:
        return dict.fromkeys(Model, "known")


class OneVersion:
    """As much of a library as the servicer asks."""

    def __init__(self, index: SnapshotIndex, queries: Matrix, count: int) -> None:
        self._version = Version(1, True, count, None, "", "", "", datetime.now(UTC))
        entries = [Entry("terma", "general", "", "", f"gloss {row}", entry_id=row) for row in range(count)]
        loaded = LoadedVersion(self._version, entries)
        self._searcher = Searcher(loaded, index, KnownVectors(queries), dict.fromkeys(Model, "known"))

    async def searcher(self, version_id: int | None, use_postgres: bool = False) -> tuple[Version, Searcher]:
        return self._version, self._searcher


async def grpc_search(stack: AsyncExitStack, folder: Path, library: Any) -> Search:
    settings = SimilaritySettings(jwks_path=folder / "jwks.json", drain_s=0, stop_grace_s=0.2, log_level="WARNING")
    application = Application(settings, stack)
    servicer = SimilarityServicer(library, LayeredCache("bench", None, MemoryCache(1, 1), 1))
    grpc_api.add_SimilarityServiceServicer_to_server(servicer, application.server)
    port = await application.start()
    stack.push_async_callback(application.drain)
    channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{port}"))
    stub = grpc_api.SimilarityServiceStub(channel)
    options = pb.SearchOptions(limit=K, mode=pb.SEARCH_MODE_SEMANTIC)
    now = int(time.time())
    issued = {"iss": settings.token_issuer, "aud": settings.token_audience, "iat": now, "exp": now + 3600}
    signer = KeyFileSigner(folder / "key.json", settings.jwks_path)
    token = signer.sign({**issued, "sub": "bench", "permissions": [PERMISSION]})
    metadata = (("authorization", f"Bearer {token}"),)

    async def search(number: int) -> Sequence[int]:
        request = pb.SearchRequest(query=str(number), options=options)
        answer = await stub.Search(request, metadata=metadata, timeout=30)
        return [int(candidate.entry.rpartition("/")[2]) for candidate in answer.candidates]

    return search


def faiss_search(vectors: Matrix, queries: Matrix) -> Search:
    faiss.omp_set_num_threads(os.cpu_count() or 1)
    index = faiss.IndexHNSWFlat(DIMENSIONS, 16, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 64
    index.add(vectors)
    index.hnsw.efSearch = 100
    faiss.omp_set_num_threads(1)

    async def search(number: int) -> Sequence[int]:
        _, rows = index.search(queries[number : number + 1], K)
        return [int(row) for row in rows[0]]

    return search


async def started_postgres(stack: AsyncExitStack, directory: Path) -> asyncpg.Connection:
    directory.parent.chmod(0o755)
    directory.mkdir(mode=0o755)
    server = EmbeddedPostgres(directory, free_port(), "only-for-benchmarks", volatile=True)
    server.prepare()
    process = await asyncio.create_subprocess_exec(*server.command(), stdout=DEVNULL, stderr=DEVNULL)
    stack.push_async_callback(process.wait)
    stack.callback(process.terminate)
    url = server.url_of("shodhana", server.password, "postgres")
    async with asyncio.timeout(30):
        while True:
            try:
                connection = await asyncpg.connect(url)
                break
            except (OSError, asyncpg.PostgresError):
                await asyncio.sleep(0.05)
    stack.push_async_callback(connection.close)
    return connection


async def pgvector_search(connection: asyncpg.Connection, vectors: Matrix, queries: Matrix) -> Search:
    await connection.execute("CREATE EXTENSION vector")
    await connection.execute(
        "CREATE TABLE item (id int, embedding halfvec(384)); CREATE TEMP TABLE raw (id int, v text)"
    )
    literals = ("[" + ",".join(f"{number:.5g}" for number in row) + "]" for row in vectors.tolist())
    await connection.copy_records_to_table("raw", records=list(enumerate(literals)))
    await connection.execute("INSERT INTO item SELECT id, v::halfvec FROM raw; SET maintenance_work_mem = '512MB'")
    await connection.execute(
        "CREATE INDEX ON item USING hnsw (embedding halfvec_cosine_ops) WITH (m = 16, ef_construction = 128)",
        timeout=1800,
    )
    await connection.execute("ANALYZE item; SET hnsw.ef_search = 100")
    asked = [f"[{','.join(f'{number:.5g}' for number in row)}]" for row in queries.tolist()]
    statement = await connection.prepare(f"SELECT id FROM item ORDER BY embedding <=> $1::text::halfvec(384) LIMIT {K}")

    async def search(number: int) -> Sequence[int]:
        return [row[0] for row in await statement.fetch(asked[number])]

    return search


def cpu_with(process_id: int) -> Callable[[], float]:
    other = psutil.Process(process_id)
    return lambda: time.process_time() + sum(other.cpu_times()[:2])


async def measure(count: int, query_count: int, kept: Path | None) -> dict[str, Any]:
    everything = vectors_of(count + query_count, kept)
    vectors, queries = everything[:count], everything[count:]
    index = SnapshotIndex({Model.SEMANTIC: VectorTable(np.arange(count), vectors)})
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shodhana-bench-")))
        paths = await paths_of(stack, folder, index, vectors, queries)
        for path in paths:
            await path.search(0)
        for part in np.array_split(np.arange(query_count), ROUNDS):
            for path in paths:
                await path.run(part.tolist())
    batch = await timed_batch(index, queries)
    return {"vectors": count, "queries": query_count, "paths": [path.result() for path in paths], "batch": batch}


async def paths_of(
    stack: AsyncExitStack, folder: Path, index: SnapshotIndex, vectors: Matrix, queries: Matrix
) -> list[Measured]:
    right, filtered = nearest_rows(vectors, queries), nearest_rows(vectors, queries, FILTER)
    through_grpc = await grpc_search(stack, folder, OneVersion(index, queries, len(vectors)))
    passing = range(0, len(vectors), FILTER)
    connection = await started_postgres(stack, folder / "postgres")
    direct = await pgvector_search(connection, vectors, queries)
    return [
        Measured("snapshot, in the service", snapshot_search(index, queries), right, goal=Goal(1.0, 0.99)),
        Measured("snapshot, through gRPC", through_grpc, right, goal=Goal(2.5, 0.99)),
        Measured("snapshot, filtered", snapshot_search(index, queries, passing), filtered),
        Measured("faiss HNSW 16/64 ef 100, in process", faiss_search(vectors, queries), right),
        Measured(
            *("pgvector HNSW 16/128 ef 100, direct", direct, right),
            cpu_clock=cpu_with(connection.get_server_pid()),
        ),
    ]


async def timed_batch(index: SnapshotIndex, queries: Matrix) -> dict[str, float]:
    began, began_cpu = time.perf_counter(), time.process_time()
    found: Neighbours = await index.nearest(Model.SEMANTIC, queries, K, None, False)
    assert len(found.lists) == len(queries)
    return {
        "ms_a_query": round((time.perf_counter() - began) * 1e3 / len(queries), 3),
        "cpu_ms_a_query": round((time.process_time() - began_cpu) * 1e3 / len(queries), 3),
    }


def main() -> None:
    if "OPENBLAS_NUM_THREADS" not in os.environ:  # as in the service; read when numpy is loaded, which it is by now
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.argv])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=400)
    parser.add_argument("--keep", type=Path, help="file that keeps the embeddings between runs (.npy)")
    parser.add_argument("--json", type=Path, help="where the figures are written")
    options = parser.parse_args()
    telemetry.set_up(SimilaritySettings(log_level="WARNING"))
    result = asyncio.run(measure(options.vectors, options.queries, options.keep))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    print_table(result)


def print_table(result: dict[str, Any]) -> None:
    print(f"{result['vectors']} vectors, {result['queries']} queries, top {K}")
    print(f"{'path':38} {'recall@10':>9} {'fewest':>6} {'CPU ms':>8} {'p50 ms':>8} {'p99 ms':>8}  goal: recall, CPU ms")
    for row in result["paths"]:
        figures = f"{row['recall_at_10']:9.4f} {row['fewest']:6d} {row['cpu_ms']:8.3f} {row['p50_ms']:8.3f}"
        print(f"{row['path']:38} {figures} {row['p99_ms']:8.3f}  {verdict(row)}")
    print(f"{'snapshot, all in one batch':38} {'':9} {'':6} {result['batch']['cpu_ms_a_query']:8.3f}")


def verdict(row: dict[str, Any]) -> str:
    goal = row["goal"]
    if goal is None:
        return ""
    is_met = row["recall_at_10"] >= goal["recall_at_10"] and row["cpu_ms"] <= goal["cpu_ms"]
    return f">= {goal['recall_at_10']}, <= {goal['cpu_ms']}{'' if is_met else '  missed'}"


if __name__ == "__main__":
    main()
