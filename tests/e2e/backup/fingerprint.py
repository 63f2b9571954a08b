"""What two states of the servers are compared by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import asyncpg
import numpy as np
from redis import Redis
from shodhana.stack.backup.content import read_content
from shodhana.stack.backup.manifest import TableContent

from tests.e2e.backup.load import vector_text

NEIGHBOURS = 10
SEQUENCES = "SELECT schemaname || '.' || sequencename, last_value FROM pg_sequences ORDER BY 1"
INDEXES = """
    SELECT indexdef FROM pg_indexes WHERE schemaname IN
        ('identity', 'similarity', 'quality', 'transcripts', 'review') ORDER BY 1"""
GRANTS = """
    SELECT relnamespace::regnamespace || '.' || relname || ' ' || coalesce(relacl::text, '') FROM pg_class
    WHERE relnamespace::regnamespace::text IN
        ('identity', 'similarity', 'quality', 'transcripts', 'review') ORDER BY 1"""
NEAREST = """
    SELECT term_norm, embedding <=> $1::text::halfvec AS distance FROM similarity.semantic_embeddings
    ORDER BY embedding <=> $1::text::halfvec, term_norm LIMIT {count}"""
APPROXIMATE = """
    SELECT term_norm FROM similarity.semantic_embeddings ORDER BY embedding <=> $1::text::halfvec LIMIT {count}"""


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """All of a database that a restore has to bring back."""

    tables: dict[str, TableContent]
    sequences: dict[str, int | None]
    indexes: tuple[str, ...]
    grants: tuple[str, ...]
    neighbours: tuple[tuple[tuple[str, float], ...], ...]
    """For each query the exact nearest terms with their distances."""
    recall: float
    """Of the HNSW indexes, against those."""

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables.values())


async def read_database(url: str, vectors: np.ndarray, queries: int) -> DatabaseState:
    """`queries` of the vectors, a little moved, are searched for."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(readonly=True):
            tables = await read_content(connection)
            exact = [await _exact(connection, query) for query in _queries(vectors, queries)]
            found = [await _approximate(connection, query) for query in _queries(vectors, queries)]
            return DatabaseState(
                tables,
                {row[0]: row[1] for row in await connection.fetch(SEQUENCES)},
                tuple(row[0] for row in await connection.fetch(INDEXES)),
                tuple(row[0] for row in await connection.fetch(GRANTS)),
                tuple(exact),
                _recall(exact, found),
            )
    finally:
        await connection.close()


def read_redis(client: Redis) -> dict[str, str]:
    """A hash of each key's value, and whether it ends some day."""
    readers = {
        "string": client.get,
        "list": lambda key: client.lrange(key, 0, -1),
        "hash": lambda key: sorted(client.hgetall(key).items()),
        "set": lambda key: sorted(client.smembers(key)),
        "zset": lambda key: client.zrange(key, 0, -1, withscores=True),
    }
    content = {}
    for key in client.scan_iter(count=1000):
        kind = client.type(key).decode()
        value = f"{kind} {client.expiretime(key)} {readers[kind](key)!r}"
        content[key.decode()] = hashlib.sha256(value.encode()).hexdigest()
    return content


def _queries(vectors: np.ndarray, count: int) -> list[str]:
    random = np.random.default_rng(99)
    chosen = vectors[random.choice(len(vectors), count, replace=False)]
    moved = chosen + 0.02 * random.standard_normal(chosen.shape)
    return [vector_text(vector) for vector in moved]


async def _exact(connection: asyncpg.Connection, query: str) -> tuple[tuple[str, float], ...]:
    await connection.execute("SET LOCAL enable_indexscan = off")
    rows = await connection.fetch(NEAREST.format(count=NEIGHBOURS), query)
    await connection.execute("SET LOCAL enable_indexscan = on")
    return tuple((row[0], row[1]) for row in rows)


async def _approximate(connection: asyncpg.Connection, query: str) -> set[str]:
    await connection.execute("SET LOCAL enable_seqscan = off")
    rows = await connection.fetch(APPROXIMATE.format(count=NEIGHBOURS), query)
    await connection.execute("SET LOCAL enable_seqscan = on")
    return {row[0] for row in rows}


def _recall(exact: list[tuple[tuple[str, float], ...]], found: list[set[str]]) -> float:
    hits = sum(len(got & {name for name, _ in right}) for right, got in zip(exact, found, strict=True))
    return hits / sum(len(right) for right in exact)
