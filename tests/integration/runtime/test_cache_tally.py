"""Hits and misses by day, counted by several replicas in a real Redis."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis
from shodhana.errors import Unavailable
from shodhana.runtime.cache import CacheCounts, LayeredCache, MemoryCache
from shodhana.runtime.cache_tally import KEPT_S, CacheTally
from shodhana.runtime.redis import client_of, close
from shodhana.stack.ports import free_port
from shodhana.stack.redis import EmbeddedRedis

WAIT_S = 60
Replica = tuple[LayeredCache, CacheTally]


@pytest.fixture
def name() -> str:
    return f"cache-{uuid.uuid4().hex}"


@pytest.fixture
async def client(redis_server: EmbeddedRedis) -> AsyncIterator[Redis]:
    opened = client_of(redis_server.url)
    yield opened
    await close(opened)


def replica(name: str, client: Redis | None) -> Replica:
    cache, tally = LayeredCache(name, client, MemoryCache(100, 60), 60), CacheTally(client)
    tally.watch(cache)
    return cache, tally


async def counted(tally: CacheTally, name: str, days: int = 1) -> list[tuple[Any, CacheCounts]]:
    return [(one.day, one.counts) for one in await tally.last_days(days) if one.cache == name]


async def test_replicas_count_together_what_was_found_and_what_was_not(client: Redis, name: str) -> None:
    (one, tally), (other, beside) = replica(name, client), replica(name, client)
    await one.get_many([f"{name}:a", f"{name}:b"])
    await one.put_many({f"{name}:a": b"value"})
    await one.get_many([f"{name}:a"])
    await other.get_many([f"{name}:{key}" for key in "acd"])
    for each in (tally, beside, tally):  # what was told is not told again
        await each.flush()
    assert await counted(tally, name) == [(datetime.now(UTC).date(), CacheCounts(2, 4))]


async def test_days_come_oldest_first_and_end_after_more_than_a_year(client: Redis, name: str) -> None:
    cache, tally = replica(name, client)
    today = datetime.now(UTC).date()
    for back in (1, 6, 7):
        await client.hincrby(f"cache_tally:{today - timedelta(days=back)}", f"{name}.hits", back)
    await cache.get_many([name])
    await tally.flush()
    assert await counted(tally, name, 7) == [
        (today - timedelta(days=6), CacheCounts(6, 0)),
        (today - timedelta(days=1), CacheCounts(1, 0)),
        (today, CacheCounts(0, 1)),
    ]
    assert KEPT_S - 600 < await client.ttl(f"cache_tally:{today}") <= KEPT_S


async def test_the_last_counts_are_kept_when_the_process_ends(client: Redis, name: str) -> None:
    cache, tally = replica(name, client)
    ending = asyncio.create_task(tally.keep_up(interval_s=3600))
    await asyncio.sleep(0)  # it has begun
    await cache.get_many([name])
    ending.cancel()
    await asyncio.wait([ending])
    assert ending.cancelled()
    [(_, counts)] = await counted(tally, name)
    assert counts == CacheCounts(0, 1)


async def test_without_its_redis_counts_are_lost_and_no_call_fails(client: Redis, name: str, logs: list[Any]) -> None:
    away = client_of(f"redis://127.0.0.1:{free_port()}")
    cache, tally = replica(name, away)
    keeping = asyncio.create_task(tally.keep_up(interval_s=0.01))
    await cache.put_many({name: b"value"})
    assert await cache.get_many([name]) == {name: b"value"}
    with pytest.raises(Unavailable):
        await tally.last_days(1)
    await until(lambda: any(line["event"] == "cache_tally_lost" for line in logs))
    assert not keeping.done()
    keeping.cancel()
    await close(away)
    assert await counted(CacheTally(client), name) == []


async def test_where_no_cache_is_configured_nothing_is_counted(name: str) -> None:
    cache, tally = replica(name, None)
    await cache.get_many([name])
    await tally.flush()
    assert await tally.last_days(30) == []


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - another task
            await asyncio.sleep(0.01)
