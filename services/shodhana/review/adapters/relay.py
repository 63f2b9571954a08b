"""Tells every replica what changed: an outbox drained by one, a notification heard by all.

A NOTIFY inside the deciding transaction would cost two thirds of the throughput. The relay's own transaction holds
the removal of the events and their notifications: a relay that dies in between has lost none.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from .statements import UNHURRIED

CHANNEL = "review_cases"
BATCH = 500
PAUSE_S = 0.1
QUEUE_SIZE = 10_000
IDS_A_NOTIFICATION = 300  # a notification carries at most 8,000 bytes
OLDEST = "SELECT event_id FROM outbox ORDER BY event_id LIMIT 1"  # a look that costs no transaction
TAKE = f"""
WITH taken AS (
    DELETE FROM outbox USING {UNHURRIED}
    WHERE event_id IN (SELECT event_id FROM outbox ORDER BY event_id LIMIT $1 FOR UPDATE SKIP LOCKED)
    RETURNING event_id, case_id
)
SELECT case_id FROM taken ORDER BY event_id
"""


class Relay:
    """Drains the outbox, and fans notifications out to the watchers of this replica."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._watchers: set[asyncio.Queue[int | None]] = set()

    async def drain(self) -> None:
        """Turns outbox rows into notifications until cancelled; several replicas share the work."""
        while True:
            if not (await self._pool.fetchval(OLDEST) and await self._drain_once()):
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
                if not lost.is_set():  # a lost connection has left the pool already
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
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(TAKE, BATCH)
            ids = list(dict.fromkeys(str(row["case_id"]) for row in rows))
            for start in range(0, len(ids), IDS_A_NOTIFICATION):
                payload = ",".join(ids[start : start + IDS_A_NOTIFICATION])
                await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, payload)
        return len(rows) == BATCH

    def _heard(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        for case_id in str(payload).split(","):
            self._fan_out(int(case_id))

    def _fan_out(self, case_id: int | None) -> None:
        for queue in self._watchers:
            if not queue.full():
                queue.put_nowait(case_id)
                continue
            while not queue.empty():
                queue.get_nowait()
            queue.put_nowait(None)  # this watcher is slow and starts from the counts again; the others are not
