"""What a drill puts into the servers: vectors in clusters, cases with decisions, reports, queued tasks."""

from __future__ import annotations

import io

import asyncpg
import numpy as np
from redis import Redis
from shodhana.stack.backup.embeddings import INDEXES

DIMENSIONS = 384
PER_CLUSTER = 25
DOMAINS = ("spiritual", "philosophical", "scriptural", "general")
MODEL = "drill"
TABLES = [f"similarity.semantic_embeddings_{domain}" for domain in DOMAINS]

REPORTS = """
    INSERT INTO quality.quality_reports
        (request_id, subject, iast_compliance, sanskrit_accuracy, academic_score, overall_score,
         requires_review, report)
    SELECT gen_random_uuid(), 'talk ' || n % 100, random(), random(), random(), random(), n % 7 = 0,
           sha512(n::text::bytea)
    FROM generate_series(1, $1::int) n"""
BATCH = "INSERT INTO review.batches (batch_id, content_digest) VALUES (gen_random_uuid(), 'drill') RETURNING batch_id"
CASES = """
    INSERT INTO review.review_cases
        (state, domain, rank_at, due_at, filename, heard, body, batch_id, batch_position)
    SELECT 'approved', (ARRAY['spiritual', 'philosophical', 'scriptural', 'general'])[n % 4 + 1],
           now(), now() + interval '1 day', 'talk.srt', 'praabda ' || n, sha256(n::text::bytea), $2, n
    FROM generate_series(1, $1::int) n
    RETURNING case_id"""
DECISIONS = """
    INSERT INTO review.expert_decisions
        (case_id, fence, request_id, verdict, decision_type, decided_text, comment, expert, state_after,
         was_escalated, rank_before, claimed_at)
    SELECT case_id, 1, gen_random_uuid(), 'accept', 'lexicon_correction', 'prārabdha', 'ध्यानम् – as recited',
           'expert ' || case_id % 5, 'approved', false, now(), now()
    FROM unnest($1::bigint[]) case_id"""


async def load_database(connection: asyncpg.Connection, rows: int, seed: int) -> np.ndarray:
    """`rows` of each kind; the vectors (rows, 384), from which queries are made."""
    vectors = _vectors(rows, seed)
    await _load_vectors(connection, _copy_text(vectors, seed))
    await connection.execute(REPORTS, rows)
    await connection.execute("REFRESH MATERIALIZED VIEW quality.daily_quality_stats")
    await load_decisions(connection, rows)
    return vectors


async def load_decisions(connection: asyncpg.Connection, rows: int) -> None:
    """Decided cases."""
    async with connection.transaction():
        batch = await connection.fetchval(BATCH)
        cases = [row[0] for row in await connection.fetch(CASES, rows, batch)]
        await connection.execute(DECISIONS, cases)


def load_redis(client: Redis, rows: int) -> None:
    """A queue, sessions that end some day, and the other types the broker knows."""
    with client.pipeline(transaction=False) as pipe:
        for number in range(rows):
            pipe.rpush("celery", f'{{"id": {number}, "body": "{"x" * 200}"}}')
            pipe.set(f"session:{number}", f"कर्म {number}", ex=86_400)
            pipe.hset("unacked", str(number), f"task {number}")
            pipe.zadd("unacked_index", {str(number): number})
            pipe.sadd("_kombu.binding.celery", f"queue {number}")
        pipe.execute()


async def _load_vectors(connection: asyncpg.Connection, lines: io.BytesIO) -> None:
    """The indexes are built afterwards: one vector after another takes many times as long."""
    indexes = await connection.fetch(INDEXES, TABLES)
    for index in indexes:
        await connection.execute(f"DROP INDEX {index['name']}")
    await connection.copy_to_table("semantic_embeddings", schema_name="similarity", source=lines, format="text")
    await connection.execute("SET maintenance_work_mem = '512MB'")
    for index in indexes:
        await connection.execute(index["definition"])


def vector_text(vector: np.ndarray) -> str:
    """As pgvector reads it."""
    return "[" + ",".join(f"{value:.5f}" for value in vector) + "]"


def _vectors(rows: int, seed: int) -> np.ndarray:
    """Unit vectors around centres, as the spellings of terms are."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((rows // PER_CLUSTER + 1, DIMENSIONS))
    vectors = centres[np.arange(rows) % len(centres)] + 0.7 * random.standard_normal((rows, DIMENSIONS))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _copy_text(vectors: np.ndarray, seed: int) -> io.BytesIO:
    lines = (
        f"{MODEL}\t{DOMAINS[number % 4]}\tterm {number}\t{seed}\t{vector_text(vector)}\t2026-01-01"
        for number, vector in enumerate(vectors)
    )
    return io.BytesIO("\n".join(lines).encode() + b"\n")
