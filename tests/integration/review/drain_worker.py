"""A process of reviewers with bad habits, to be killed at any time; run by test_drain.py.

    python -m tests.integration.review.drain_worker DATABASE_URL JOURNAL SEED [right→broken …]

Of the cases they hold 5 % are abandoned and sent late, of their decisions 5 % are sent twice. The journal gets a line
for each thing that happened: "held case fence", "decided case decision"; and for what must not: "robbed", "late",
"twice". Further arguments break the claim: in its statements their left side becomes the right one.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
from shodhana.review.adapters import statements
from shodhana.review.adapters.postgres_queue import PostgresQueue
from shodhana.review.domain.cases import Answer, Claim, Verdict
from shodhana.review.domain.errors import LeaseLost

REVIEWERS = 6
LEASE_S = 1.0
HABIT = 0.05


@dataclass(slots=True)
class Reviewer:
    """Claims and decides until killed."""

    queue: PostgresQueue
    journal: int
    chaos: random.Random
    expert: str = field(default_factory=lambda: f"users/{uuid.uuid4()}")
    late: list[tuple[float, Answer]] = field(default_factory=list)

    async def run(self) -> None:
        while True:
            began = time.monotonic()
            claim = Claim(self.chaos.randint(1, 5), (), self.expert, LEASE_S, str(uuid.uuid4()))
            held = await self.queue.claim(claim)
            for _, lease in held:
                self.note("held", lease.case_id, lease.fence)
            for _, lease in held:
                sent = Answer(
                    *(lease.case_id, lease.fence, Verdict.CORRECT, "lexicon_correction", "bhakti", ""),
                    *(self.expert, str(uuid.uuid4())),
                )
                if self.chaos.random() < HABIT:
                    self.late.append((time.monotonic() + LEASE_S, sent))
                else:
                    await self.decide(sent, began)
            await self.send_late()
            if not held:
                await asyncio.sleep(0.05)  # all that is left is held

    async def decide(self, sent: Answer, began: float) -> None:
        times = 2 if self.chaos.random() < HABIT else 1
        answers = await asyncio.gather(*(self.queue.decide(sent) for _ in range(times)), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, LeaseLost):
                if time.monotonic() - began < LEASE_S:
                    self.note("robbed", sent.case_id, sent.fence)
            elif isinstance(answer, BaseException):
                raise answer
            elif answer.decision is not None:
                self.note("decided", sent.case_id, answer.decision.decision_id)
        if times == 2 and repr(answers[0]) != repr(answers[1]):
            self.note("twice", sent.case_id, sent.fence)

    async def send_late(self) -> None:
        now = time.monotonic()
        due = [sent for due_at, sent in self.late if due_at <= now]
        self.late = [(due_at, sent) for due_at, sent in self.late if due_at > now]
        for sent in due:
            try:
                await self.queue.decide(sent)
            except LeaseLost:
                continue
            self.note("late", sent.case_id, sent.fence)

    def note(self, *words: object) -> None:
        os.write(self.journal, (" ".join(map(str, words)) + "\n").encode())


async def main(url: str, journal: Path, seed: int) -> None:
    pool = await asyncpg.create_pool(
        url,
        min_size=4,
        max_size=4,
        server_settings={"search_path": "review, public", "plan_cache_mode": "force_generic_plan"},
    )
    queue = PostgresQueue(pool, sla_s=3600)
    chaos = random.Random(seed)
    descriptor = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    async with asyncio.TaskGroup() as group:
        for _ in range(REVIEWERS):
            group.create_task(Reviewer(queue, descriptor, chaos).run())


def break_claim(replacements: list[str]) -> None:
    for replacement in replacements:
        right, broken = replacement.split("→")
        for name in ("CLAIM", "CLAIM_MANY"):
            statement = getattr(statements, name)
            assert right in statement
            setattr(statements, name, statement.replace(right, broken))


if __name__ == "__main__":
    break_claim(sys.argv[4:])
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
