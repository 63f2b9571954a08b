"""Two layers of cache: this process's own (L1), and Redis shared by the replicas (L2)."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shodhana.errors import DeadlineExceeded, NotFound

from . import metrics, telemetry
from .breaker import CircuitBreaker, CircuitOpen

SEAL_BYTES = 4
NEGATIVE_TTL_S = 2.0
MAX_NEGATIVE = 1000
GAVE_UP = (TimeoutError, DeadlineExceeded)  # says nothing of the value: whoever has more time may load it
REDIS_FAULTS = (RedisError, OSError, CircuitOpen, TimeoutError)
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
        if self._touches:
            self._entries.move_to_end(key)
        while len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)


class CacheCounts(NamedTuple):
    """Values asked of a cache since its process began: found, and not found."""

    hits: int
    misses: int


class LayeredCache:
    """Reads L1, then L2; writes both. A fault of Redis makes it slower, never wrong.

    Values lie in L2 under a checksum of key and value; one that does not match, or that `is_sound` refuses, is as
    good as missing.
    """

    def __init__(
        self,
        name: str,
        redis: Redis | None,
        memory: MemoryCache,
        ttl_s: float,
        is_sound: Callable[[bytes], bool] = lambda _: True,
    ) -> None:
        self.name = name
        self.counts = CacheCounts(0, 0)
        self._redis = redis
        self._memory = memory
        self._ttl_ms = int(ttl_s * 1000)
        self._is_sound = is_sound
        self._breaker = CircuitBreaker(f"cache {name}", failure_threshold=3, reset_s=2.0)
        self._loading: dict[str, asyncio.Future[bytes]] = {}
        self._absent: OrderedDict[str, tuple[float, NotFound]] = OrderedDict()
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
        self._count(hits, len(keys) - hits)
        telemetry.annotate(**{f"cache.{self.name}.hits": hits, f"cache.{self.name}.misses": len(keys) - hits})
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
                    pipeline.set(key, _seal(key, value), px=self._ttl_ms)
                await pipeline.execute()
        except REDIS_FAULTS as error:
            self._note(error)

    async def get_or_load(self, key: str, load: Callable[[], Awaitable[bytes]]) -> bytes:
        """The value, loaded once however many ask for it at the same time.

        Where the caller that loads is cancelled or runs out of time, another of those who wait takes over. NotFound is
        remembered for NEGATIVE_TTL_S; any other error goes to all who wait and is then forgotten.
        """
        while True:
            self._raise_if_absent(key)
            running = self._loading.get(key)
            if running is None:
                return await self._lead(key, load)
            await asyncio.wait([running])
            if not running.cancelled():
                self._count(0, 1)
                return running.result()

    def _count(self, hits: int, misses: int) -> None:
        self.counts = CacheCounts(self.counts.hits + hits, self.counts.misses + misses)
        self._hits.inc(hits)
        self._misses.inc(misses)

    async def _lead(self, key: str, load: Callable[[], Awaitable[bytes]]) -> bytes:
        future = self._loading[key] = asyncio.get_running_loop().create_future()
        try:
            found = (await self.get_many([key])).get(key)
            value = await load() if found is None else found
        except Exception as error:
            self._end_load(key, future, error)
            raise
        except BaseException:
            future.cancel()
            raise
        finally:
            del self._loading[key]
        future.set_result(value)
        if found is None:
            await self.put_many({key: value})
        return value

    def _end_load(self, key: str, future: asyncio.Future[bytes], error: Exception) -> None:
        if isinstance(error, GAVE_UP):
            future.cancel()
            return
        if isinstance(error, NotFound):
            self._absent[key] = (time.monotonic() + NEGATIVE_TTL_S, error)
            if len(self._absent) > MAX_NEGATIVE:
                self._absent.popitem(last=False)
        future.set_exception(error)
        future.exception()  # seen here; those who wait see it too

    def _raise_if_absent(self, key: str) -> None:
        ends_at, error = self._absent.get(key, (0.0, None))
        if error is not None and time.monotonic() < ends_at:
            raise error.with_traceback(None)
        self._absent.pop(key, None)

    async def _get_shared(self, keys: list[str]) -> dict[str, bytes]:
        if self._redis is None:
            return {}
        try:
            async with self._breaker:
                values = await self._redis.mget(keys)
        except REDIS_FAULTS as error:
            self._note(error)
            return {}
        found = {}
        for key, sealed in zip(keys, values, strict=True):
            if isinstance(sealed, bytes) and (value := self._unsealed(key, sealed)) is not None:
                found[key] = value
        return found

    def _unsealed(self, key: str, sealed: bytes) -> bytes | None:
        value = sealed[SEAL_BYTES:]
        if _seal(key, value) == sealed and self._is_sound(value):
            return value
        _log.warning("cache_value_refused", cache=self.name)
        return None

    def _note(self, error: Exception) -> None:
        if not isinstance(error, CircuitOpen):
            _log.warning("cache_unreachable", cache=self.name, error=type(error).__name__)


def _seal(key: str, value: bytes) -> bytes:
    return zlib.crc32(value, zlib.crc32(key.encode())).to_bytes(SEAL_BYTES, "big") + value
