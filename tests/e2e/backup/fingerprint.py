"""What two states of the servers are compared by."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import numpy as np
from redis import Redis
from redis.client import Pipeline
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


READERS: dict[bytes, Callable[[Pipeline, bytes], object]] = {
    b"string": lambda pipe, key: pipe.get(key),
    b"list": lambda pipe, key: pipe.lrange(key, 0, -1),
    b"hash": lambda pipe, key: pipe.hgetall(key),
    b"set": lambda pipe, key: pipe.smembers(key),
    b"zset": lambda pipe, key: pipe.zrange(key, 0, -1, withscores=True),
}


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
    """A hash of each key's value, with when it ends."""
    keys = sorted(client.scan_iter(count=1000))
    kinds = _each(client, keys, lambda pipe, key: pipe.type(key))
    ends = _each(client, keys, lambda pipe, key: pipe.expiretime(key))
    reads = dict(zip(keys, (READERS[kind] for kind in kinds), strict=True))
    values = _each(client, keys, lambda pipe, key: reads[key](pipe, key))
    return {
        key.decode(): hashlib.sha256(f"{kind} {end} {_ordered(value)!r}".encode()).hexdigest()
        for key, kind, end, value in zip(keys, kinds, ends, values, strict=True)
    }


def _each(client: Redis, keys: list[bytes], ask: Callable[[Pipeline, bytes], object]) -> list[Any]:
    with client.pipeline(transaction=False) as pipe:
        for key in keys:
            ask(pipe, key)
        return pipe.execute()


def _ordered(value: object) -> object:
    if isinstance(value, dict):
        return sorted(value.items())
    return sorted(value) if isinstance(value, set) else value


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
