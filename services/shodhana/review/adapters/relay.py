"""Tells every replica what changed: an outbox drained by one, a notification heard by all.

A NOTIFY inside the deciding transaction would cost two thirds of the throughput.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

CHANNEL = "review_cases"
BATCH = 500
PAUSE_S = 0.1
QUEUE_SIZE = 10_000


class Relay:
    """Drains the outbox, and fans notifications out to the watchers of this replica."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._watchers: set[asyncio.Queue[int | None]] = set()

    async def drain(self) -> None:
        """Turns outbox rows into notifications until cancelled; several replicas share the work."""
        while True:
            if not await self._drain_once():
                await asyncio.sleep(PAUSE_S)

    async def listen(self) -> None:
        """Hears notifications until cancelled; where the connection breaks, watchers are told of a gap."""
        lost = asyncio.Event()
        async with self._pool.acquire() as connection:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, self._heard)
            try:
                await lost.wait()
            finally:
                if not connection.is_closed():
                    await connection.remove_listener(CHANNEL, self._heard)
        self._fan_out(None)
        raise ConnectionError("the connection that listened was lost")

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[asyncio.Queue[int | None]]:
        """Ids of cases that changed; None after a gap."""
        queue: asyncio.Queue[int | None] = asyncio.Queue(QUEUE_SIZE)
        self._watchers.add(queue)
        try:
            yield queue
        finally:
            self._watchers.discard(queue)

    async def _drain_once(self) -> bool:
        rows = await self._pool.fetch(
            "DELETE FROM outbox WHERE event_id IN (SELECT event_id FROM outbox ORDER BY event_id LIMIT $1 "
            "FOR UPDATE SKIP LOCKED) RETURNING case_id",
            BATCH,
        )
        ids = list(dict.fromkeys(str(row["case_id"]) for row in rows))
        for start in range(0, len(ids), 300):  # a notification carries at most 8,000 bytes
            await self._pool.execute("SELECT pg_notify($1, $2)", CHANNEL, ",".join(ids[start : start + 300]))
        return len(rows) == BATCH

    def _heard(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        for case_id in str(payload).split(","):
            self._fan_out(int(case_id))

    def _fan_out(self, case_id: int | None) -> None:
        for queue in self._watchers:
            if queue.full():
                queue.get_nowait()  # a watcher that slow has a gap: it starts from the counts again
                case_id = None
            queue.put_nowait(case_id)
