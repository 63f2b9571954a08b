"""The layered cache over a real Redis: shared, corrupted, killed, hanging."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as blocking_redis
from prometheus_client import REGISTRY
from redis.asyncio import Redis
from shodhana.runtime.cache import LayeredCache, MemoryCache
from shodhana.runtime.redis import open_redis
from shodhana.runtime.settings import RuntimeSettings
from shodhana.stack.ports import free_port
from shodhana.stack.redis import EmbeddedRedis

TTL_S = 60.0
Make = Callable[[], LayeredCache]


@pytest.fixture
def name() -> str:
    return f"cache-{uuid.uuid4().hex}"


@pytest.fixture
async def client(redis_server: EmbeddedRedis) -> AsyncIterator[Redis]:
    async with open_redis(RuntimeSettings(redis_url=redis_server.url), patience_s=60) as opened:
        assert opened is not None
        yield opened


@pytest.fixture
def replica(client: Redis, name: str) -> Make:
    """Makes the cache of one more replica."""
    return lambda: LayeredCache(name, client, MemoryCache(100, TTL_S), TTL_S)


@pytest.fixture
def key(name: str) -> str:
    return f"{name}:key"


async def unused() -> bytes:
    raise AssertionError("was loaded though it was there")


def loading(value: bytes) -> tuple[Callable[[], Any], list[int]]:
    """A loader, and a list that grows with each load."""
    loads: list[int] = []

    async def load() -> bytes:
        loads.append(1)
        return value

    return load, loads


async def test_what_one_replica_put_another_finds_and_keeps(client: Redis, replica: Make, key: str) -> None:
    one, other = replica(), replica()
    await one.put_many({key: b"value"})
    assert await other.get_or_load(key, unused) == b"value"
    await client.delete(key)
    assert await other.get_many([key]) == {key: b"value"}  # from its own memory now
    assert await replica().get_many([key]) == {}


async def test_values_end_in_redis_too(client: Redis, replica: Make, key: str) -> None:
    await replica().put_many({key: b"value"})
    assert 0 < await client.pttl(key) <= TTL_S * 1000


async def test_many_keys_are_one_round_trip_each_way(client: Redis, replica: Make, key: str) -> None:
    values = {f"{key}{number}": bytes([number]) for number in range(100)}
    await replica().put_many(values)
    before = await mget_calls(client)
    assert await replica().get_many(list(values)) == values
    assert await mget_calls(client) - before == 1


async def test_five_hundred_who_miss_at_once_ask_redis_once_and_load_once(
    client: Redis, replica: Make, key: str
) -> None:
    cache, (load, loads) = replica(), loading(b"value")
    before = await mget_calls(client)
    found = await asyncio.gather(*(cache.get_or_load(key, load) for _ in range(500)))
    assert set(found) == {b"value"}
    assert len(loads) == 1
    assert await mget_calls(client) - before == 1


async def mget_calls(client: Redis) -> int:
    statistics = await client.info("commandstats")
    return int(statistics.get("cmdstat_mget", {}).get("calls", 0))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda sealed: b"",
        lambda sealed: b"\x00",
        lambda sealed: sealed[:-1],
        lambda sealed: sealed + b"\x00",
        lambda sealed: sealed[:-1] + bytes([sealed[-1] ^ 1]),
        lambda sealed: bytes([sealed[0] ^ 1]) + sealed[1:],
        lambda sealed: b"plain bytes of an older version",
    ],
    ids=["empty", "short", "cut", "longer", "flipped", "seal", "unsealed"],
)
async def test_corrupt_bytes_are_as_good_as_missing_and_mended(
    client: Redis, replica: Make, key: str, spoil: Callable[[bytes], bytes], name: str
) -> None:
    await replica().put_many({key: b"value"})
    sealed = await client.get(key)
    await client.set(key, spoil(sealed))
    assert await replica().get_many([key]) == {}
    load, loads = loading(b"value")
    assert await replica().get_or_load(key, load) == b"value"
    assert len(loads) == 1
    assert await client.get(key) == sealed
    misses = REGISTRY.get_sample_value("cache_misses_total", {"cache_type": name})
    assert misses == 2


async def test_a_value_under_another_key_is_not_taken(client: Redis, replica: Make, key: str) -> None:
    await replica().put_many({key: b"value"})
    await client.rename(key, f"{key}-other")
    assert await replica().get_many([f"{key}-other"]) == {}


async def test_another_kind_of_entry_is_not_taken(client: Redis, replica: Make, key: str) -> None:
    await client.rpush(key, "a", "b")
    assert await replica().get_many([key]) == {}


async def test_what_the_owner_finds_unsound_is_not_taken(client: Redis, name: str, key: str) -> None:
    def cache(least: int) -> LayeredCache:
        return LayeredCache(name, client, MemoryCache(10, TTL_S), TTL_S, lambda value: len(value) >= least)

    await cache(0).put_many({key: b"abc"})
    assert await cache(4).get_many([key]) == {}
    assert await cache(3).get_many([key]) == {key: b"abc"}


class OwnRedis:
    """A Redis that may be killed and stopped."""

    def __init__(self, directory: Path) -> None:
        self._server = EmbeddedRedis(directory, free_port(), "only-for-tests", "cache")
        self._server.prepare()
        self.url = self._server.url
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._server.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ends_at = time.monotonic() + 20
        with blocking_redis.Redis.from_url(self.url) as client:
            while True:
                try:
                    client.ping()
                except blocking_redis.RedisError:
                    assert time.monotonic() < ends_at, "Redis did not start"
                    time.sleep(0.02)
                else:
                    return

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnRedis]:
    server = OwnRedis(tmp_path)
    server.start()
    yield server
    server.kill()


def is_open(name: str) -> bool:
    return REGISTRY.get_sample_value("circuit_breaker_open", {"breaker": f"cache {name}"}) == 1


async def test_without_redis_it_is_slower_and_right_and_finds_back(own_redis: OwnRedis, name: str, key: str) -> None:
    async with open_redis(RuntimeSettings(redis_url=own_redis.url)) as client:
        cache = LayeredCache(name, client, MemoryCache(1000, TTL_S), TTL_S)
        await cache.put_many({key: b"value"})
        own_redis.kill()
        for number in range(10):
            load, loads = loading(b"computed")
            assert await cache.get_or_load(f"{key}{number}", load) == b"computed"
            assert await cache.get_or_load(f"{key}{number}", unused) == b"computed"  # from memory
            assert len(loads) == 1
        assert is_open(name)
        own_redis.start()
        async with asyncio.timeout(60):
            while is_open(name):
                await cache.get_many(["anything"])
                await asyncio.sleep(0.05)
        await cache.put_many({key: b"newer"})
        fresh = LayeredCache(name, client, MemoryCache(1000, TTL_S), TTL_S)
        assert await fresh.get_many([key]) == {key: b"newer"}


async def test_a_redis_that_hangs_holds_nobody_up_for_long(own_redis: OwnRedis, name: str, key: str) -> None:
    async with open_redis(RuntimeSettings(redis_url=own_redis.url)) as client:
        cache = LayeredCache(name, client, MemoryCache(1000, TTL_S), TTL_S)
        await cache.put_many({key: b"value"})
        own_redis.signal(signal.SIGSTOP)
        try:
            load, _ = loading(b"computed")
            began = time.monotonic()
            await asyncio.gather(*(cache.get_or_load(f"{key}{number}", load) for number in range(50)))
            assert time.monotonic() - began < 20  # one after another they would take longer
            assert is_open(name)  # it is not even asked
        finally:
            own_redis.signal(signal.SIGCONT)
        async with asyncio.timeout(60):
            while is_open(name):
                await cache.get_many(["anything"])
                await asyncio.sleep(0.05)
        fresh = LayeredCache(name, client, MemoryCache(1000, TTL_S), TTL_S)
        assert await fresh.get_many([key]) == {key: b"value"}


async def test_where_no_redis_is_configured_there_is_none() -> None:
    async with open_redis(RuntimeSettings(redis_url=None)) as client:
        assert client is None
    cache = LayeredCache("alone", None, MemoryCache(10, TTL_S), TTL_S)
    await cache.put_many({"key": b"value"})
    assert await cache.get_many(["key"]) == {"key": b"value"}
