"""The queue over a real Postgres: leases, fences, replays, a drain by many."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from shodhana.review.adapters.postgres_queue import _CLAIM, PostgresQueue
from shodhana.review.domain.queue import (
    Answer,
    CaseQuery,
    CaseStateWrong,
    LeaseLost,
    NewCase,
    RequestIdReused,
    State,
    UndoWindowClosed,
    Verdict,
)
from shodhana.runtime.postgres import open_pool
from shodhana.runtime.settings import RuntimeSettings

HOUR_S = 3600.0


@pytest.fixture
async def pool(postgres_database: Any) -> AsyncIterator[asyncpg.Pool]:
    settings = RuntimeSettings(database_url=postgres_database.role_url("review"), pool_min=1, pool_max=20)
    async with open_pool(settings, "review") as opened:
        yield opened


@pytest.fixture
def queue(pool: asyncpg.Pool) -> PostgresQueue:
    return PostgresQueue(pool, sla_s=HOUR_S)


def cases(count: int, boost: int = 0) -> list[NewCase]:
    domains = ("spiritual", "philosophical", "scriptural", "general")
    return [NewCase(domains[i % 4], f"heard {i}", "talk.srt", b"", boost) for i in range(count)]


def answer(case_id: int, fence: int, **changes: Any) -> Answer:
    fields = {
        "verdict": Verdict.ACCEPT,
        "decision_type": "lexicon_correction",
        "decided_text": "bhakti",
        "comment": "",
        "expert": "users/1",
        "request_id": str(uuid.uuid4()),
    }
    return Answer(case_id, fence, **{**fields, **changes})


async def claim(queue: PostgresQueue, count: int = 1, expert: str = "users/1", lease_s: float = 60.0) -> list[Any]:
    return await queue.claim(count, (), expert, lease_s, str(uuid.uuid4()))


async def test_a_repeated_batch_adds_nothing(queue: PostgresQueue) -> None:
    request_id = str(uuid.uuid4())
    first = await queue.add(cases(3), request_id)
    assert await queue.add(cases(3), request_id) == first
    assert (await queue.counts())[State.PENDING] == 3


async def test_nobody_gets_a_case_that_is_held_and_urgent_ones_come_first(queue: PostgresQueue) -> None:
    await queue.add(cases(4), str(uuid.uuid4()))
    urgent = await queue.add(cases(1, boost=9), str(uuid.uuid4()))
    first = await claim(queue, 3)
    second = await claim(queue, 3, "users/2")
    assert first[0][0].case_id == urgent[0]
    ids = [case.case_id for case, _ in first + second]
    assert len(ids) == len(set(ids)) == 5
    assert await claim(queue, 1, "users/3") == []


async def test_a_repeated_claim_gets_the_same_cases(queue: PostgresQueue) -> None:
    await queue.add(cases(4), str(uuid.uuid4()))
    claim_id = str(uuid.uuid4())
    first = await queue.claim(2, (), "users/1", 60, claim_id)
    assert await queue.claim(2, (), "users/1", 60, claim_id) == first


async def test_a_decision_is_made_once_and_its_repetition_gets_the_same_answer(queue: PostgresQueue) -> None:
    await queue.add(cases(1), str(uuid.uuid4()))
    [(case, lease)] = await claim(queue)
    sent = answer(case.case_id, lease.fence)
    decided = await queue.decide(sent)
    assert decided.state is State.APPROVED
    assert (await queue.decide(sent)).decision == decided.decision
    with pytest.raises(RequestIdReused):
        await queue.decide(answer(case.case_id, lease.fence, decided_text="x", request_id=sent.request_id))


async def test_a_lost_lease_decides_nothing_and_the_text_is_kept(queue: PostgresQueue, pool: asyncpg.Pool) -> None:
    await queue.add(cases(1), str(uuid.uuid4()))
    [(case, old)] = await claim(queue, lease_s=0.05)
    async with asyncio.timeout(5):
        while not await queue.sweep():  # noqa: ASYNC110 — the database's clock has to move on
            await asyncio.sleep(0.01)
    [(_, new)] = await claim(queue, expert="users/2")
    assert new.fence > old.fence
    with pytest.raises(LeaseLost):
        await queue.decide(answer(case.case_id, old.fence, decided_text="my careful text"))
    assert await pool.fetchval("SELECT decided_text FROM drafts") == "my careful text"
    assert (await queue.decide(answer(case.case_id, new.fence, expert="users/2"))).state is State.APPROVED


async def test_a_heartbeat_prolongs_what_is_held_and_names_what_is_lost(queue: PostgresQueue) -> None:
    await queue.add(cases(2), str(uuid.uuid4()))
    held = [lease for _, lease in await claim(queue, 2)]
    assert {lease.case_id for lease in await queue.prolong(held, "users/1", 100)} == {lease.case_id for lease in held}
    assert await queue.prolong(held, "users/2", 100) == []


async def test_undo_puts_the_case_back_within_the_window_only(queue: PostgresQueue) -> None:
    await queue.add(cases(1), str(uuid.uuid4()))
    [(case, lease)] = await claim(queue)
    await queue.decide(answer(case.case_id, lease.fence))
    with pytest.raises(CaseStateWrong):
        await queue.undo(case.case_id, "users/2", 300)
    with pytest.raises(UndoWindowClosed):
        await queue.undo(case.case_id, "users/1", 0)
    undone = await queue.undo(case.case_id, "users/1", 300)
    assert undone.state is State.PENDING
    assert undone.decision is not None
    assert undone.decision.undone_at is not None
    assert (await queue.undo(case.case_id, "users/1", 300)).state is State.PENDING


async def test_skip_and_escalation_lead_where_they_say(queue: PostgresQueue) -> None:
    await queue.add(cases(2), str(uuid.uuid4()))
    (one, first), (two, second) = await claim(queue, 2)
    assert (await queue.decide(answer(one.case_id, first.fence, verdict=Verdict.SKIP))).state is State.PENDING
    escalated = await queue.decide(answer(two.case_id, second.fence, verdict=Verdict.ESCALATE))
    assert escalated.state is State.EXPERT_ESCALATION
    assert [case.case_id for case in await queue.find(CaseQuery((State.EXPERT_ESCALATION,)))] == [two.case_id]


async def test_a_drain_by_many_gives_each_case_exactly_one_decision(queue: PostgresQueue, pool: asyncpg.Pool) -> None:
    total, chaos = 600, random.Random(7)
    await queue.add(cases(total), str(uuid.uuid4()))

    async def reviewer(expert: str) -> None:
        late: list[Answer] = []
        while (await queue.counts())[State.PENDING] + (await queue.counts())[State.IN_REVIEW]:
            for case, lease in await claim(queue, chaos.randint(1, 5), expert, 0.3):
                sent = answer(case.case_id, lease.fence, expert=expert)
                if chaos.random() < 0.05:
                    late.append(sent)  # abandoned, and sent after the lease has ended
                    continue
                repeat = 2 if chaos.random() < 0.05 else 1
                for _ in range(repeat):
                    try:
                        await queue.decide(sent)
                    except LeaseLost:
                        break
            await queue.sweep()
        for sent in late:
            with pytest.raises(LeaseLost):
                await queue.decide(sent)

    await asyncio.gather(*(reviewer(f"users/{i}") for i in range(12)))
    assert await pool.fetchval("SELECT count(*) FROM expert_decisions") == total
    assert await pool.fetchval("SELECT count(DISTINCT case_id) FROM expert_decisions") == total


async def test_a_claim_reads_few_pages_however_long_the_queue(queue: PostgresQueue, pool: asyncpg.Pool) -> None:
    for _ in range(10):
        await queue.add(cases(1000), str(uuid.uuid4()))
    domains = ["spiritual", "philosophical", "scriptural", "general"]
    plan = await pool.fetch(
        f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) {_CLAIM}", domains, 1, "users/1", 60.0, str(uuid.uuid4())
    )
    text = "\n".join(row[0] for row in plan)
    first = next(line for line in text.splitlines() if "Buffers:" in line)
    hits = sum(int(part.split("=")[1]) for part in first.split() if part.startswith(("hit=", "read=")))
    assert hits <= 60, text
