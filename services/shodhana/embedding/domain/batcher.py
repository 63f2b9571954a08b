"""Batches by token budget: runs when idle, takes what has queued when free, never waits for more.

A wait of 3 ms would triple a lone caller's latency and gain nothing: under load the queue fills while a batch runs.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from enum import Enum

from shodhana.errors import ResourceExhausted

from .engine import Engine, Matrix, TokenIds

MICRO_BATCH_TOKENS = 1024  # padded; beyond it a batch outgrows the caches of a core
CALL_TOKENS = 16  # a call of the engine costs about as much as so many tokens
ROUND_TOKENS = 8 * MICRO_BATCH_TOKENS
TELLING_TOKENS = MICRO_BATCH_TOKENS // 4  # a smaller batch says little of how fast many tokens go
GUESSED_TOKENS_PER_S = 20_000.0  # until a batch tells
SMOOTHING = 0.2
BULK_SHARE = 0.75  # of the queue: whatever waits in bulk, there is room for who waits in person


class Lane(Enum):
    """Which queue a text waits in; BULK runs when INTERACTIVE is empty."""

    INTERACTIVE = "interactive"
    BULK = "bulk"


class QueueFull(ResourceExhausted):
    """The queue is full by tokens, or the wait would outlast the caller's deadline."""

    reason = "QUEUE_FULL"


@dataclass(eq=False, slots=True)
class Waiting:
    """One text in the queue, and for how many callers."""

    ids: TokenIds
    lane: Lane
    answer: asyncio.Future[Matrix]
    queued_at: float
    callers: int = 1
    is_queued: bool = True
    began_at: float = 0.0
    inference_s: float = 0.0


class Batcher:
    """Feeds one engine from one thread."""

    def __init__(self, engine: Engine, executor: Executor, max_queued_tokens: int = 200_000) -> None:
        self._engine = engine
        self._executor = executor
        self._max_queued_tokens = max_queued_tokens
        self._lanes: dict[Lane, deque[Waiting]] = {lane: deque() for lane in Lane}
        self._queued_tokens = dict.fromkeys(Lane, 0)
        self._running_tokens = 0
        self._tokens_per_s: float | None = None
        self._wakes = asyncio.Event()

    @property
    def queued_tokens(self) -> int:
        """Of all texts that wait."""
        return sum(self._queued_tokens.values())

    def submit(self, ids: TokenIds, lane: Lane, remaining_s: float | None) -> Waiting:
        """Queues a text for one caller. Raises QueueFull."""
        wait_s = self._wait_s(lane)
        queued = self.queued_tokens
        most = self._max_queued_tokens if lane is Lane.INTERACTIVE else BULK_SHARE * self._max_queued_tokens
        if queued + len(ids) > most:
            raise QueueFull(f"{queued} tokens are queued", retry_after_s=max(0.05, wait_s / 2))
        if remaining_s is not None and wait_s > remaining_s:
            raise QueueFull(f"the wait would be {wait_s:.1f} s, longer than the deadline", retry_after_s=wait_s)
        waiting = Waiting(ids, lane, asyncio.get_running_loop().create_future(), time.perf_counter())
        self._lanes[lane].append(waiting)
        self._queued_tokens[lane] += len(ids)
        self._wakes.set()
        return waiting

    def join(self, waiting: Waiting, lane: Lane) -> None:
        """One more caller waits for a text; it moves to the quicker of their lanes."""
        waiting.callers += 1
        if waiting.is_queued and lane is Lane.INTERACTIVE and waiting.lane is Lane.BULK:
            self._queued_tokens[Lane.BULK] -= len(waiting.ids)
            self._queued_tokens[lane] += len(waiting.ids)
            waiting.lane = lane
            self._lanes[lane].append(waiting)  # its place in the bulk lane is passed over

    def leave(self, waiting: Waiting) -> None:
        """A caller waits no longer; a text that nobody waits for is dropped."""
        waiting.callers -= 1
        if waiting.callers == 0 and not waiting.answer.done():
            waiting.answer.cancel()
            if waiting.is_queued:
                self._unqueue(waiting)

    async def run(self) -> None:
        """Serves the queue until cancelled."""
        while True:
            await self._wakes.wait()
            self._wakes.clear()
            while taken := self._take():
                self._running_tokens = sum(len(waiting.ids) for waiting in taken)
                for batch in micro_batches(taken):
                    await self._run_batch(batch)
                    self._running_tokens -= sum(len(waiting.ids) for waiting in batch)

    def _wait_s(self, lane: Lane) -> float:
        """How long a text that comes now would wait for its turn."""
        ahead = self._running_tokens + self._queued_tokens[Lane.INTERACTIVE]
        if lane is Lane.BULK:
            ahead += self._queued_tokens[Lane.BULK]
        return ahead / (self._tokens_per_s or GUESSED_TOKENS_PER_S)

    def _take(self) -> list[Waiting]:
        """The next round: interactive texts first; of bulk no more than a micro-batch, so others get in between."""
        return self._take_from(Lane.INTERACTIVE, ROUND_TOKENS) or self._take_from(Lane.BULK, MICRO_BATCH_TOKENS)

    def _take_from(self, lane: Lane, budget: int) -> list[Waiting]:
        queue = self._lanes[lane]
        taken: list[Waiting] = []
        while queue and (not taken or budget >= len(queue[0].ids)):
            waiting = queue.popleft()
            if waiting.is_queued and waiting.lane is lane:
                self._unqueue(waiting)
                budget -= len(waiting.ids)
                taken.append(waiting)
        return taken

    def _unqueue(self, waiting: Waiting) -> None:
        waiting.is_queued = False
        self._queued_tokens[waiting.lane] -= len(waiting.ids)

    async def _run_batch(self, batch: list[Waiting]) -> None:
        wanted = [waiting for waiting in batch if not waiting.answer.cancelled()]
        if not wanted:
            return
        began = time.perf_counter()
        loop = asyncio.get_running_loop()
        try:
            vectors = await loop.run_in_executor(self._executor, self._engine.encode, [w.ids for w in wanted])
        except Exception as error:
            for waiting in wanted:
                if not waiting.answer.done():
                    waiting.answer.set_exception(error)
            return
        took = time.perf_counter() - began
        self._learn(sum(len(waiting.ids) for waiting in wanted), took)
        for waiting, vector in zip(wanted, vectors, strict=True):
            waiting.began_at, waiting.inference_s = began, took
            if not waiting.answer.done():
                waiting.answer.set_result(vector)

    def _learn(self, tokens: int, took_s: float) -> None:
        """Corrects the speed that waits are estimated by."""
        rate = tokens / max(took_s, 1e-6)
        if self._tokens_per_s is None:
            self._tokens_per_s = rate if tokens >= TELLING_TOKENS else None
        elif tokens >= TELLING_TOKENS or rate > self._tokens_per_s:
            self._tokens_per_s += SMOOTHING * (rate - self._tokens_per_s)


def micro_batches(taken: Sequence[Waiting]) -> list[list[Waiting]]:
    """Groups of like length: within the token budget, and where padding costs less than a batch more."""
    batches: list[list[Waiting]] = []
    for waiting in sorted(taken, key=lambda waiting: len(waiting.ids)):
        if batches and _fits(len(waiting.ids), batches[-1]):
            batches[-1].append(waiting)
        else:
            batches.append([waiting])
    return batches


def _fits(length: int, batch: Sequence[Waiting]) -> bool:
    padding = len(batch) * (length - len(batch[-1].ids))
    return padding <= CALL_TOKENS and (len(batch) + 1) * length <= MICRO_BATCH_TOKENS
