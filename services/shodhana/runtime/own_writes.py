"""Who wrote a moment ago: those who did read what they wrote, at whichever replica of the service."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from .breaker import CircuitBreaker, CircuitOpen
from .cache import MemoryCache

MAX_REMEMBERED = 10_000
_FAULTS = (RedisError, OSError, CircuitOpen, TimeoutError)
_log = structlog.get_logger()


class OwnWrites:
    """A mark for each caller, in this process and in Redis, that goes by itself after `remembered_s`.

    By then a standby that is used at all has replayed the write, so that no position in the log needs to be kept.
    """

    def __init__(
        self,
        service: str,
        redis: Redis | None,
        remembered_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service = service
        self._redis = redis
        self._remembered_ms = max(1, round(remembered_s * 1000))
        self._here = MemoryCache(MAX_REMEMBERED, remembered_s, clock=clock)
        self._breaker = CircuitBreaker("own writes", failure_threshold=3, reset_s=2.0)

    async def note(self, subject: str) -> None:
        """Call it when a write is done and before it is answered."""
        key = self._key(subject)
        self._here.put(key, b"1")
        if self._redis is None:
            return
        try:
            async with self._breaker:
                await self._redis.set(key, b"1", px=self._remembered_ms)
        except _FAULTS as error:
            _warn(error)

    async def may_have_written(self, subject: str) -> bool:
        """Whether the caller wrote a moment ago, here or at another replica; True where that cannot be known."""
        key = self._key(subject)
        if self._here.get(key) is not None or self._redis is None:
            return True
        try:
            async with self._breaker:
                return bool(await self._redis.exists(key))
        except _FAULTS as error:
            _warn(error)
            return True

    def _key(self, subject: str) -> str:
        return f"written:{self._service}:{hashlib.blake2b(subject.encode(), digest_size=16).hexdigest()}"


def _warn(error: Exception) -> None:
    if not isinstance(error, CircuitOpen):
        _log.warning("own_writes_unknown", error=type(error).__name__)
