"""Batches by token budget: runs when idle, takes what has queued when free, never waits for more.

A wait of 3 ms would triple a lone caller's latency and gain nothing: under load the queue fills while a batch runs.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from shodhana.errors import ResourceExhausted

from .engine import Engine, Matrix, TokenIds

MICRO_BATCH_TOKENS = 1024  # padded; beyond it a batch outgrows the caches of a core
ROUND_TOKENS = 8 * MICRO_BATCH_TOKENS
SMOOTHING = 0.2


class Lane(Enum):
    """Which queue a text waits in; BULK runs when INTERACTIVE is empty."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


class QueueFull(ResourceExhausted):
    """The queue is full by tokens, or the wait would outlast the caller's deadline."""

    reason = "QUEUE_FULL"


@dataclass(eq=False, slots=True)
class Waiting:
    """One text in the queue."""

    ids: TokenIds
    answer: asyncio.Future[Matrix]
    queued_at: float
    began_at: float = 0.0
    inference_s: float = 0.0


@dataclass(slots=True)
class _Lanes:
    interactive: deque[Waiting] = field(default_factory=deque)
    bulk: deque[Waiting] = field(default_factory=deque)

    def of(self, lane: Lane) -> deque[Waiting]:
        return self.interactive if lane is Lane.INTERACTIVE else self.bulk


class Batcher:
    """Feeds one engine from one thread."""

    def __init__(self, engine: Engine, executor: Executor, max_queued_tokens: int = 200_000) -> None:
        self._engine = engine
        self._executor = executor
        self._max_queued_tokens = max_queued_tokens
        self._lanes = _Lanes()
        self._queued_tokens = 0
        self._tokens_per_s = 20_000.0  # a first guess, corrected by each batch
        self._wakes = asyncio.Event()

    def submit(self, ids: TokenIds, lane: Lane, remaining_s: float | None) -> Waiting:
        """Queues a text. Raises QueueFull."""
        wait_s = self._queued_tokens / self._tokens_per_s
        if self._queued_tokens + len(ids) > self._max_queued_tokens:
            raise QueueFull(f"{self._queued_tokens} tokens are queued", retry_after_s=max(0.05, wait_s / 2))
        if remaining_s is not None and wait_s > remaining_s:
            raise QueueFull(f"the wait would be {wait_s:.1f} s, longer than the deadline", retry_after_s=wait_s)
        waiting = Waiting(ids, asyncio.get_running_loop().create_future(), time.perf_counter())
        self._lanes.of(lane).append(waiting)
        self._queued_tokens += len(ids)
        self._wakes.set()
        return waiting

    async def run(self) -> None:
        """Serves the queue until cancelled."""
        while True:
            await self._wakes.wait()
            self._wakes.clear()
            while taken := self._take():
                for batch in micro_batches(taken):
                    await self._run_batch(batch)

    def _take(self) -> list[Waiting]:
        """The next round: interactive texts first; of bulk no more than a micro-batch, so others get in between."""
        lane, budget = self._lanes.interactive, ROUND_TOKENS
        if not lane:
            lane, budget = self._lanes.bulk, MICRO_BATCH_TOKENS
        taken: list[Waiting] = []
        while lane and (not taken or budget >= len(lane[0].ids)):
            waiting = lane.popleft()
            self._queued_tokens -= len(waiting.ids)
            budget -= len(waiting.ids)
            if not waiting.answer.cancelled():
                taken.append(waiting)
        return taken

    async def _run_batch(self, batch: list[Waiting]) -> None:
        batch = [waiting for waiting in batch if not waiting.answer.cancelled()]
        if not batch:
            return
        began = time.perf_counter()
        loop = asyncio.get_running_loop()
        try:
            vectors = await loop.run_in_executor(self._executor, self._engine.encode, [w.ids for w in batch])
        except Exception as error:
            for waiting in batch:
                if not waiting.answer.done():
                    waiting.answer.set_exception(error)
            return
        took = time.perf_counter() - began
        rate = sum(len(waiting.ids) for waiting in batch) / max(took, 1e-6)
        self._tokens_per_s += SMOOTHING * (rate - self._tokens_per_s)
        for waiting, vector in zip(batch, vectors, strict=True):
            waiting.began_at, waiting.inference_s = began, took
            if not waiting.answer.done():
                waiting.answer.set_result(np.asarray(vector))


def micro_batches(taken: Sequence[Waiting]) -> list[list[Waiting]]:
    """Groups of like length within the token budget, padding counted."""
    batches: list[list[Waiting]] = []
    for waiting in sorted(taken, key=lambda waiting: len(waiting.ids)):
        if batches and (len(batches[-1]) + 1) * len(waiting.ids) <= MICRO_BATCH_TOKENS:
            batches[-1].append(waiting)
        else:
            batches.append([waiting])
    return batches
