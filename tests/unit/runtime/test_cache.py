"""The cache's own memory, and loading once what many ask for."""

from __future__ import annotations

import asyncio

import pytest
from shodhana.errors import DeadlineExceeded, NotFound
from shodhana.runtime import cache as cache_module
from shodhana.runtime.cache import LayeredCache, MemoryCache


class Loader:
    """Loads when told to, and counts."""

    def __init__(self, *errors: BaseException) -> None:
        self.count = 0
        self.started = asyncio.Event()
        self.gate = asyncio.Event()
        self._errors = list(errors)

    async def __call__(self) -> bytes:
        self.count += 1
        self.started.set()
        await self.gate.wait()
        if self._errors:
            raise self._errors.pop(0)
        return b"value"


@pytest.fixture
def cache() -> LayeredCache:
    return LayeredCache("tests", None, MemoryCache(100, 60), 60)


def test_the_least_recently_used_goes_first() -> None:
    memory = MemoryCache(2, 60)
    memory.put("a", b"1")
    memory.put("b", b"2")
    memory.get("a")
    memory.put("c", b"3")
    assert (memory.get("a"), memory.get("b"), memory.get("c"), len(memory)) == (b"1", None, b"3", 2)


def test_what_is_put_again_counts_as_used() -> None:
    memory = MemoryCache(2, 60)
    for key in ("a", "b", "a", "c"):
        memory.put(key, b"1")
    assert memory.get("a") is not None
    assert memory.get("b") is None


def test_first_in_first_out_does_not_care_for_use() -> None:
    memory = MemoryCache(2, 60, "fifo")
    memory.put("a", b"1")
    memory.put("b", b"2")
    memory.get("a")
    memory.put("a", b"1")
    memory.put("c", b"3")
    assert memory.get("a") is None


def test_values_end_with_their_time() -> None:
    now = 0.0
    memory = MemoryCache(2, 60, clock=lambda: now)
    memory.put("a", b"1")
    now = 60.0
    assert memory.get("a") == b"1"
    now = 60.1
    assert memory.get("a") is None
    assert len(memory) == 0


async def test_five_hundred_who_miss_at_once_load_once(cache: LayeredCache) -> None:
    load = Loader()
    callers = [asyncio.create_task(cache.get_or_load("key", load)) for _ in range(500)]
    await load.started.wait()
    load.gate.set()
    assert set(await asyncio.gather(*callers)) == {b"value"}
    assert load.count == 1
    assert await cache.get_or_load("key", load) == b"value"
    assert load.count == 1


@pytest.mark.parametrize("giving_up", [TimeoutError(), DeadlineExceeded("no time left")], ids=repr)
async def test_where_the_loader_runs_out_of_time_another_takes_over(
    cache: LayeredCache, giving_up: BaseException
) -> None:
    load = Loader(giving_up)
    callers = [asyncio.create_task(cache.get_or_load("key", load)) for _ in range(10)]
    await load.started.wait()
    load.gate.set()
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert results.count(b"value") == 9
    assert results[0] is giving_up
    assert load.count == 2


async def test_where_the_loader_is_cancelled_another_takes_over(cache: LayeredCache) -> None:
    load = Loader()
    callers = [asyncio.create_task(cache.get_or_load("key", load)) for _ in range(10)]
    await load.started.wait()
    callers[0].cancel()
    load.gate.set()
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1:] == [b"value"] * 9
    assert load.count == 2


async def test_one_who_stops_waiting_stops_nobody_else(cache: LayeredCache) -> None:
    load = Loader()
    callers = [asyncio.create_task(cache.get_or_load("key", load)) for _ in range(3)]
    await load.started.wait()
    callers[2].cancel()
    load.gate.set()
    assert await asyncio.gather(*callers[:2]) == [b"value", b"value"]
    assert load.count == 1


async def test_a_failure_reaches_all_who_wait_and_is_forgotten(cache: LayeredCache) -> None:
    load = Loader(ValueError("broken"))
    callers = [asyncio.create_task(cache.get_or_load("key", load)) for _ in range(5)]
    await load.started.wait()
    load.gate.set()
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(result) for result in results] == [ValueError] * 5
    assert await cache.get_or_load("key", load) == b"value"


async def test_what_is_not_there_is_remembered_for_a_short_time(
    cache: LayeredCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "NEGATIVE_TTL_S", 0.05)
    load = Loader(NotFound("no such thing"))
    load.gate.set()
    for _ in range(5):
        with pytest.raises(NotFound, match="no such thing"):
            await cache.get_or_load("key", load)
    assert load.count == 1
    async with asyncio.timeout(60):
        while load.count == 1:
            try:
                assert await cache.get_or_load("key", load) == b"value"
            except NotFound:
                await asyncio.sleep(0.01)
    assert load.count == 2


async def test_hits_and_misses_are_counted_by_value(cache: LayeredCache) -> None:
    from prometheus_client import REGISTRY

    def counts() -> list[float]:
        names = ("cache_hits_total", "cache_misses_total")
        return [REGISTRY.get_sample_value(name, {"cache_type": "tests"}) or 0 for name in names]

    before = counts()
    await cache.put_many({"a": b"1", "b": b"2"})
    assert await cache.get_many(["a", "b", "c", "a"]) == {"a": b"1", "b": b"2"}
    assert [now - then for now, then in zip(counts(), before, strict=True)] == [3, 1]
