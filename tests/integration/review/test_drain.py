"""A drain by many processes that are killed on the way: each case is decided exactly once.

REVIEW_DRAIN_CASES=2000 makes it shorter.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from shodhana.review.adapters.postgres_queue import PostgresQueue
from shodhana.review.domain.cases import DOMAINS, NewCase
from shodhana.stack.places import PROJECT

CASES = int(os.environ.get("REVIEW_DRAIN_CASES", "20000"))
ROUNDS = 10
WORKERS = 3
KILL_EVERY_S = 1.0
LIMIT_S = 30 + CASES / 100
LOCKED = "FOR UPDATE SKIP LOCKED"
WAITING = "AND state IN ('pending', 'expert_escalation')\n            AND NOT fresh_only\n        ORDER"


class Workers:
    """Processes of reviewers; one after the other is killed and another takes its place."""

    def __init__(self, url: str, journal: Path, broken: tuple[str, ...]) -> None:
        self._arguments = (url, str(journal))
        self._broken = broken
        self._chaos = random.Random(7)
        self._running: list[subprocess.Popen[bytes]] = []
        self.kills = 0

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.integration.review.drain_worker", *self._arguments]
        command += [str(self._chaos.randrange(10**6)), *self._broken]
        self._running.append(subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.PIPE))

    def kill_one(self) -> None:
        victim = self._running.pop(self._chaos.randrange(len(self._running)))
        victim.send_signal(signal.SIGKILL)
        _, words = victim.communicate()
        assert victim.returncode == -signal.SIGKILL, words.decode()
        self.kills += 1

    def kill_all(self) -> None:
        while self._running:
            self.kill_one()


@contextmanager
def working(url: str, journal: Path, broken: tuple[str, ...] = ()) -> Iterator[Workers]:
    workers = Workers(url, journal, broken)
    try:
        for _ in range(WORKERS):
            workers.start()
        yield workers
    finally:
        workers.kill_all()


async def drain(queue: PostgresQueue, pool: asyncpg.Pool, workers: Workers, total: int) -> None:
    """Returns when all cases are decided; kills a worker each second until then."""
    for start in range(0, total, 1000):
        batch = [NewCase(DOMAINS[i % 4], f"heard {i}", "talk.srt", b"") for i in range(min(1000, total - start))]
        await queue.add(batch, str(uuid.uuid4()))
    killed_at = time.monotonic()
    async with asyncio.timeout(LIMIT_S):
        while await pool.fetchval("SELECT count(*) FROM review_cases WHERE state IN ('pending', 'in_review')"):
            await queue.sweep()
            await asyncio.sleep(0.05)  # the service's own sweeper has its interval too
            if time.monotonic() - killed_at > KILL_EVERY_S:
                workers.kill_one()
                workers.start()
                killed_at = time.monotonic()


def complaints(journal: Path, stored: dict[int, int]) -> list[str]:
    """What the journal tells that must not be: a robbed holder, a lease given twice, an answer that was not kept."""
    lines = [line.split() for line in journal.read_text().splitlines()]
    forbidden = [" ".join(line) for line in lines if line[0] in {"robbed", "late", "twice"}]
    held = Counter((case, fence) for what, case, fence in lines if what == "held")
    shared = [f"case {case} was handed out twice under fence {fence}" for (case, fence), n in held.items() if n > 1]
    decided = {(int(case), int(decision)) for what, case, decision in lines if what == "decided"}
    lost = [f"decision {decision} is lost" for case, decision in decided if stored.get(case) != decision]
    return forbidden + shared + lost


async def test_each_case_is_decided_exactly_once_whoever_dies(
    queue: PostgresQueue, pool: asyncpg.Pool, postgres_database: Any, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    with working(postgres_database.role_url("review"), journal) as workers:
        await drain(queue, pool, workers, CASES)
        assert workers.kills > 0
    rows = await pool.fetch("SELECT case_id, decision_id FROM expert_decisions")
    assert len(rows) == len({row["case_id"] for row in rows}) == CASES
    assert await pool.fetchval("SELECT count(*) FROM review_cases WHERE state = 'approved'") == CASES
    assert complaints(journal, dict(rows)) == []
    assert " decided" not in journal.read_text()  # whole lines, though written by many


@pytest.mark.parametrize(
    "broken",
    [
        # two read the same head: the second takes it from the first
        (f"{LOCKED}→", "part.share→5"),
        # what is held is handed out, under the fence that its holder has
        (f"{WAITING}→OR state = 'in_review' ORDER", "fence = fence + 1→fence = fence"),
    ],
    ids=["no lock", "no fence"],
)
async def test_the_drain_catches_a_broken_claim(
    queue: PostgresQueue, pool: asyncpg.Pool, postgres_database: Any, tmp_path: Path, broken: tuple[str, ...]
) -> None:
    journal = tmp_path / "journal"
    with working(postgres_database.role_url("review"), journal, broken) as workers:
        for _ in range(ROUNDS):  # whether two meet at one case is chance
            await drain(queue, pool, workers, 300)
            rows = await pool.fetch("SELECT case_id, decision_id FROM expert_decisions")
            if complaints(journal, dict(rows)):
                return
    pytest.fail("the broken claim went unnoticed")
