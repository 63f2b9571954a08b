"""A drain by many over a real Postgres, and the pages a claim reads."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from typing import Any

import asyncpg
import pytest
from shodhana.review.adapters import statements
from shodhana.review.adapters.postgres_queue import PostgresQueue
from shodhana.review.domain.cases import Answer, Case, Claim, Lease, NewCase, Verdict
from shodhana.review.domain.errors import LeaseLost

DOMAINS = ("spiritual", "philosophical", "scriptural", "general")
LEASE_S = 1.0
LIMIT_S = 15.0


class Stolen(AssertionError):
    """A lease passed to somebody else before its end."""


class Drain:
    """Sixteen reviewers with bad habits: 5 % of cases abandoned and sent late, 5 % of decisions sent twice."""

    def __init__(self, queue: PostgresQueue, total: int) -> None:
        self._queue = queue
        self._total = total
        self._decided = 0
        self._chaos = random.Random(7)
        self._handed_out: set[tuple[int, int]] = set()

    async def run(self) -> None:
        for start in range(0, self._total, 1000):
            count = min(1000, self._total - start)
            batch = [NewCase(DOMAINS[i % 4], f"heard {i}", "talk.srt", b"") for i in range(count)]
            await self._queue.add(batch, str(uuid.uuid4()))
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(16):
                    group.create_task(self._review(f"users/{number}"))
                group.create_task(self._sweep())
        except* Stolen as stolen:
            raise stolen.exceptions[0] from None

    async def _sweep(self) -> None:
        while self._decided < self._total:
            await self._queue.sweep()
            await asyncio.sleep(0.05)  # the service's own sweeper has its interval too

    async def _review(self, expert: str) -> None:
        late: list[Answer] = []
        while self._decided < self._total:
            began = time.monotonic()
            claim = Claim(self._chaos.randint(1, 5), (), expert, LEASE_S, str(uuid.uuid4()))
            held = await self._queue.claim(claim)
            if not held:
                await asyncio.sleep(0.01)  # all that is left is held
            for case, lease in held:
                sent = self._hand_out(case, lease, expert)
                if self._chaos.random() < 0.05:
                    late.append(sent)
                else:
                    await self._decide(sent, began)
        for sent in late:
            with pytest.raises(LeaseLost):
                await self._queue.decide(sent)

    def _hand_out(self, case: Case, lease: Lease, expert: str) -> Answer:
        key = (case.case_id, lease.fence)
        if key in self._handed_out:
            raise Stolen(f"case {key} was handed out twice under one fence")
        self._handed_out.add(key)
        request_id = str(uuid.uuid4())
        return Answer(*key, Verdict.ACCEPT, "lexicon_correction", "bhakti", "", expert, request_id)

    async def _decide(self, sent: Answer, began: float) -> None:
        try:
            first = await self._queue.decide(sent)
        except LeaseLost as error:
            if time.monotonic() - began < LEASE_S:
                raise Stolen(f"the lease of case {sent.case_id} still ran") from error
            return
        self._decided += 1
        if self._chaos.random() < 0.05:
            assert await self._queue.decide(sent) == first


async def test_a_drain_by_sixteen_gives_each_case_exactly_one_decision(
    queue: PostgresQueue, pool: asyncpg.Pool
) -> None:
    began = time.monotonic()
    await Drain(queue, 2000).run()
    assert time.monotonic() - began < LIMIT_S
    assert await pool.fetchval("SELECT count(*) FROM expert_decisions") == 2000
    assert await pool.fetchval("SELECT count(DISTINCT case_id) FROM expert_decisions") == 2000
    assert await pool.fetchval("SELECT count(*) FROM review_cases WHERE state = 'approved'") == 2000


@pytest.mark.parametrize(
    ("right", "broken"),
    [
        ("FOR UPDATE SKIP LOCKED", ""),  # two read the same head; the second takes it from the first
        # what is held is handed out
        ("AND state IN ('pending', 'expert_escalation')\n            AND NOT fresh_only\n", "OR state = 'in_review'\n"),
    ],
)
async def test_the_drain_catches_a_broken_claim(
    queue: PostgresQueue, monkeypatch: pytest.MonkeyPatch, right: str, broken: str
) -> None:
    assert right in statements.CLAIM
    monkeypatch.setattr(statements, "CLAIM", statements.CLAIM.replace(right, broken))
    with pytest.raises(Stolen):
        await asyncio.wait_for(Drain(queue, 500).run(), LIMIT_S)


@pytest.mark.parametrize(("states", "limit"), [(["pending"], 50), (["pending", "expert_escalation"], 70)])
async def test_a_claim_among_a_hundred_thousand_reads_few_pages(
    queue: PostgresQueue, pool: asyncpg.Pool, postgres_database: Any, states: list[str], limit: int
) -> None:
    owner = await asyncpg.connect(postgres_database.url)
    try:
        await fill(owner, 100_000)
    finally:
        await owner.close()
    await queue.claim(Claim(5, (), "users/1", 60.0, str(uuid.uuid4())))  # the outbox has its first page
    arguments = (list(DOMAINS), 1, "users/1", 60.0, str(uuid.uuid4()), states)
    plan = await pool.fetch(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) {statements.CLAIM}", *arguments)
    lines = [row[0] for row in plan]
    top = next(line for line in lines if "Buffers:" in line)
    pages = sum(int(part.split("=")[1]) for part in top.split() if part.startswith(("hit=", "read=")))
    print(f"{len(states)} states: {pages} pages")
    assert 0 < pages <= limit, "\n".join(lines)


async def fill(owner: asyncpg.Connection, count: int) -> None:
    batch_id = str(uuid.uuid4())
    await owner.execute("INSERT INTO review.batches (batch_id, content_digest) VALUES ($1, '')", batch_id)
    await owner.execute(
        "INSERT INTO review.review_cases (state, domain, rank_at, due_at, filename, heard, body, batch_id, "
        "batch_position) SELECT CASE WHEN i % 10 = 0 THEN 'expert_escalation' ELSE 'pending' END, "
        "($2::text[])[1 + i % 4], now() + i * interval '1 s', now(), 'talk.srt', 'heard', '', $1, i "
        "FROM generate_series(1, $3::int) AS i",
        *(batch_id, list(DOMAINS), count),
    )
    await owner.execute("VACUUM ANALYZE review.review_cases")
