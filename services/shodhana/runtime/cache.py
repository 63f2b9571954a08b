"""Two layers of cache: this process's own (L1), and Redis shared by the replicas (L2)."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Literal

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from . import metrics
from .breaker import CircuitBreaker, CircuitOpen

_log = structlog.get_logger()


class MemoryCache:
    """At most `max_entries` values, each for `ttl_s`; the least recently used (or first in) goes first."""

    def __init__(
        self,
        max_entries: int,
        ttl_s: float,
        policy: Literal["lru", "fifo"] = "lru",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._entries: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._max_entries = max_entries
        self._ttl_s = ttl_s
        self._touches = policy == "lru"
        self._clock = clock

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> bytes | None:
        """The value, unless it is missing or over its time."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[0] < self._clock():
            del self._entries[key]
            return None
        if self._touches:
            self._entries.move_to_end(key)
        return entry[1]

    def put(self, key: str, value: bytes) -> None:
        """Keeps a value."""
        self._entries[key] = (self._clock() + self._ttl_s, value)
        while len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)


class LayeredCache:
    """Reads L1, then L2; writes both. A fault of Redis makes it slower, never wrong.

    `is_sound` refuses bytes from L2 that are not what was put there.
    """

    def __init__(
        self,
        name: str,
        redis: Redis | None,
        memory: MemoryCache,
        ttl_s: float,
        is_sound: Callable[[bytes], bool] = lambda _: True,
    ) -> None:
        self._name = name
        self._redis = redis
        self._memory = memory
        self._ttl_s = ttl_s
        self._is_sound = is_sound
        self._breaker = CircuitBreaker(f"cache {name}", failure_threshold=3, reset_s=2.0)
        self._loading: dict[str, asyncio.Future[bytes]] = {}
        self._hits = metrics.CACHE_HITS.labels(name)
        self._misses = metrics.CACHE_MISSES.labels(name)

    async def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """What is there, by key."""
        found = {key: value for key in keys if (value := self._memory.get(key)) is not None}
        missing = [key for key in dict.fromkeys(keys) if key not in found]
        if missing:
            shared = await self._get_shared(missing)
            for key, value in shared.items():
                self._memory.put(key, value)
            found |= shared
        hits = sum(key in found for key in keys)
        self._hits.inc(hits)
        self._misses.inc(len(keys) - hits)
        return found

    async def put_many(self, values: Mapping[str, bytes]) -> None:
        """Keeps values in both layers."""
        for key, value in values.items():
            self._memory.put(key, value)
        if self._redis is None or not values:
            return
        try:
            async with self._breaker:
                pipeline = self._redis.pipeline(transaction=False)
                for key, value in values.items():
                    pipeline.set(key, value, ex=int(self._ttl_s))
                await pipeline.execute()
        except (RedisError, OSError, CircuitOpen, TimeoutError) as error:
            self._note(error)

    async def get_or_load(self, key: str, load: Callable[[], Awaitable[bytes]]) -> bytes:
        """The value, loaded once however many ask for it at the same time."""
        found = await self.get_many([key])
        if key in found:
            return found[key]
        running = self._loading.get(key)
        if running is not None:
            return await asyncio.shield(running)
        future = self._loading[key] = asyncio.get_running_loop().create_future()
        try:
            value = await load()
        except BaseException as error:
            future.set_exception(error if isinstance(error, Exception) else RuntimeError("the load was cancelled"))
            future.exception()  # seen here; those who wait see it too
            raise
        else:
            future.set_result(value)
        finally:
            del self._loading[key]
        await self.put_many({key: value})
        return value

    async def _get_shared(self, keys: list[str]) -> dict[str, bytes]:
        if self._redis is None:
            return {}
        try:
            async with self._breaker:
                values = await self._redis.mget(keys)
        except (RedisError, OSError, CircuitOpen, TimeoutError) as error:
            self._note(error)
            return {}
        pairs = zip(keys, values, strict=True)
        return {key: value for key, value in pairs if isinstance(value, bytes) and self._is_sound(value)}

    def _note(self, error: Exception) -> None:
        if not isinstance(error, CircuitOpen):
            _log.warning("cache_unreachable", cache=self._name, error=type(error).__name__)
