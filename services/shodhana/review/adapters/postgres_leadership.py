"""One replica learns at a time: whoever holds an advisory lock, for as long as its connection lasts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg

LEARNER_LOCK = 7_461_303
ASK_EVERY_S = 2.0


class PostgresLeadership:
    """The port `Leadership`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[Callable[[], bool]]:
        while True:
            async with self._pool.acquire() as connection:
                if await connection.fetchval("SELECT pg_try_advisory_lock($1)", LEARNER_LOCK):
                    try:
                        yield lambda: not connection.is_closed()
                    finally:
                        if not connection.is_closed():
                            await connection.execute("SELECT pg_advisory_unlock($1)", LEARNER_LOCK)
                    return
            await asyncio.sleep(ASK_EVERY_S)
