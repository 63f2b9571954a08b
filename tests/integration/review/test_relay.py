"""The relay over a real Postgres: nothing is lost, and one slow watcher harms no other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from shodhana.review.adapters import relay as module
from shodhana.review.adapters.relay import Relay


@asynccontextmanager
async def running(*coroutines: Any) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def listening(pool: asyncpg.Pool, count: int = 1) -> None:
    """Returns when the relays have their LISTEN."""
    async with asyncio.timeout(60):
        while await _listener_count(pool) < count:  # noqa: ASYNC110 — another process's state
            await asyncio.sleep(0.01)


async def _listener_count(pool: asyncpg.Pool) -> int:
    found = await pool.fetchval("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND state = 'idle'")
    return int(found)


async def put(pool: asyncpg.Pool, first: int, last: int) -> None:
    await pool.execute("INSERT INTO outbox (case_id) SELECT generate_series($1::bigint, $2::bigint)", first, last)


async def test_every_event_reaches_every_replica_once_and_in_order(pool: asyncpg.Pool) -> None:
    relays = [Relay(pool), Relay(pool)]
    async with relays[0].watch() as one, relays[1].watch() as two, running(*(relay.listen() for relay in relays)):
        await listening(pool, 2)
        await put(pool, 1, 1200)
        async with running(relays[0].drain()), asyncio.timeout(60):
            for changes in (one, two):
                assert [await changes.get() for _ in range(1200)] == list(range(1, 1201))


async def test_events_whose_notification_fails_stay_in_the_outbox(pool: asyncpg.Pool, postgres_database: Any) -> None:
    await put(pool, 1, 3)
    owner = await asyncpg.connect(postgres_database.url)
    try:
        await owner.execute("REVOKE EXECUTE ON FUNCTION pg_notify FROM PUBLIC")
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="pg_notify"):
            await Relay(pool).drain()
        assert await pool.fetchval("SELECT count(*) FROM outbox") == 3
    finally:
        await owner.close()


async def test_a_slow_watcher_has_a_gap_and_the_others_have_none(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay, total = Relay(pool), 40
    heard: list[list[int | None]] = [[], []]
    monkeypatch.setattr(module, "QUEUE_SIZE", 4)
    async with relay.watch() as slow:
        monkeypatch.setattr(module, "QUEUE_SIZE", 1000)
        async with relay.watch() as one, relay.watch() as two, running(relay.listen(), relay.drain()):
            await listening(pool)
            await put(pool, 1, total)
            async with asyncio.timeout(60):
                for _ in range(total):
                    heard[0].append(await one.get())
                    heard[1].append(await two.get())
        assert heard == [list(range(1, total + 1))] * 2
        left = [slow.get_nowait() for _ in range(slow.qsize())]
    assert left[0] is None
    assert left[1:] == list(range(total - len(left) + 2, total + 1))


async def test_watchers_are_told_when_the_connection_that_listens_is_lost(
    pool: asyncpg.Pool, postgres_database: Any
) -> None:
    relay = Relay(pool)
    owner = await asyncpg.connect(postgres_database.url)
    try:
        async with relay.watch() as changes:
            listener = asyncio.create_task(relay.listen())
            await listening(pool)
            await owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' "
                "AND datname = current_database()"
            )
            async with asyncio.timeout(60):
                assert await changes.get() is None
            with pytest.raises(ConnectionError):
                await listener
    finally:
        await owner.close()
