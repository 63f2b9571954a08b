"""The pages that claims and decisions read among 100,000 cases: figures that no noise disturbs."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest
from shodhana.review.adapters import statements
from shodhana.review.adapters.postgres_queue import PostgresQueue
from shodhana.review.domain.cases import DOMAINS, Claim

MOST_PAGES = 50
CASES = 100_000


@pytest.fixture
async def connection(queue: PostgresQueue, pool: asyncpg.Pool, postgres_database: Any) -> AsyncIterator[Any]:
    """A session as the service's, in a queue of CASES of which some are decided and some held."""
    owner = await asyncpg.connect(postgres_database.url)
    try:
        await fill(owner)
    finally:
        await owner.close()
    await queue.claim(Claim(5, (), "users/before", 60.0, str(uuid.uuid4())))  # the outbox has its first page
    async with pool.acquire() as session:
        yield session


async def fill(owner: asyncpg.Connection) -> None:
    batch_id = str(uuid.uuid4())
    await owner.execute("INSERT INTO review.batches (batch_id, content_digest) VALUES ($1, '')", batch_id)
    await owner.execute(
        "INSERT INTO review.review_cases (state, domain, rank_at, due_at, filename, heard, body, batch_id, "
        "batch_position) SELECT CASE WHEN i % 10 = 0 THEN 'expert_escalation' ELSE 'pending' END, "
        "($2::text[])[1 + i % 4], now() + i * interval '1 s', now(), 'talk.srt', 'heard', '', $1, i "
        "FROM generate_series(1, $3::int) AS i",
        *(batch_id, list(DOMAINS), CASES),
    )
    await owner.execute("VACUUM ANALYZE review.review_cases")


async def pages(session: Any, statement: str, types: str, arguments: Sequence[object]) -> tuple[int, str]:
    """Pages read by the statement under the plan that the service uses for all its calls; and the plan."""
    name = f"measured_{uuid.uuid4().hex}"
    await session.execute(f"PREPARE {name} ({types}) AS {statement}")
    values = ", ".join([literal(argument) for argument in arguments])
    rows = await session.fetch(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) EXECUTE {name} ({values})")
    lines = [row[0] for row in rows]
    top = next(line for line in lines if "Buffers:" in line)
    return sum(map(int, re.findall(r"(?:hit|read)=(\d+)", top))), "\n".join(lines)


def literal(argument: object) -> str:
    if isinstance(argument, list):
        return f"ARRAY[{', '.join(map(literal, argument))}]"
    return str(argument) if isinstance(argument, bool | int | float) else f"'{argument}'"


ONE = "text[], int, text, float8, uuid, text[]"
MANY = "text[], int, text[], boolean, text[], float8[], uuid[], int[]"


@pytest.mark.parametrize(("states", "limit"), [(["pending"], MOST_PAGES), (["pending", "expert_escalation"], 70)])
async def test_a_claim_alone_reads_few_pages(connection: Any, states: list[str], limit: int) -> None:
    arguments = [list(DOMAINS), 1, "users/1", 60.0, str(uuid.uuid4()), states]
    read, plan = await pages(connection, statements.CLAIM, ONE, arguments)
    assert 0 < read <= limit, plan


@pytest.mark.parametrize("claimers", [1, 16])
async def test_a_claim_with_others_reads_few_pages_for_each(connection: Any, claimers: int) -> None:
    experts, ids = [f"users/{i}" for i in range(claimers)], [str(uuid.uuid4()) for _ in range(claimers)]
    arguments = [list(DOMAINS), claimers, ["pending"], True, experts, [60.0] * claimers, ids, [1] * claimers]
    statement = statements.CLAIM_MANY.replace("$7::uuid[]", "($7::text[])::uuid[]")
    read, plan = await pages(connection, statement, MANY.replace("uuid[]", "text[]"), arguments)
    assert 0 < read <= MOST_PAGES * claimers, plan
    assert await connection.fetchval("SELECT count(*) FROM review_cases WHERE holder = ANY($1)", experts) == claimers
