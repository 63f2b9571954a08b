"""Hits and misses of the caches by day (UTC), which all processes count together in the cache's Redis."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple, cast

import structlog
from redis.asyncio import Redis

from shodhana.errors import Unavailable

from .cache import REDIS_FAULTS, CacheCounts, LayeredCache

FLUSH_S = 5.0
KEPT_S = 400 * 24 * 3600
RETRY_S = 2.0
_log = structlog.get_logger()


class CacheDay(NamedTuple):
    """What was asked of one cache on one day."""

    day: date
    cache: str
    counts: CacheCounts


class CacheTally:
    """Adds what this process counted to the sums of the day, one hash a day: `search_terms.hits`, `.misses`.

    A fault of Redis loses counts, never a call; without Redis nothing is kept.
    """

    def __init__(self, redis: Redis | None) -> None:
        self._redis = redis
        self._told: dict[LayeredCache, CacheCounts] = {}

    def watch(self, cache: LayeredCache) -> None:
        """Counts this cache too, from now on."""
        self._told[cache] = cache.counts

    async def keep_up(self, interval_s: float = FLUSH_S) -> None:
        """Flushes again and again, and once more when it is cancelled."""
        try:
            while True:
                await asyncio.sleep(interval_s)
                await self.flush()
        finally:
            await self.flush()

    async def flush(self) -> None:
        """Adds what came since the last flush."""
        amounts = self._since_last()
        if self._redis is None or not amounts:
            return
        key = _key(datetime.now(UTC).date())
        pipeline = self._redis.pipeline(transaction=False)
        for field, amount in amounts.items():
            pipeline.hincrby(key, field, amount)
        pipeline.expire(key, KEPT_S)
        try:
            await pipeline.execute()
        except REDIS_FAULTS as error:  # not sent again: it may have been counted
            _log.warning("cache_tally_lost", error=type(error).__name__)

    async def last_days(self, count: int) -> list[CacheDay]:
        """Each cache that was asked on each of the last days, oldest first. Raises Unavailable."""
        if self._redis is None:
            return []
        today = datetime.now(UTC).date()
        days = [today - timedelta(days=back) for back in reversed(range(count))]
        pipeline = self._redis.pipeline(transaction=False)
        for day in days:
            pipeline.hgetall(_key(day))
        try:
            kept = cast("list[dict[bytes, bytes]]", await pipeline.execute())
        except REDIS_FAULTS as error:
            raise Unavailable("the cache that holds the counts does not answer", retry_after_s=RETRY_S) from error
        return [one for day, fields in zip(days, kept, strict=True) for one in _caches_of(day, fields)]

    def _since_last(self) -> dict[str, int]:
        amounts: dict[str, int] = {}
        for cache, told in self._told.items():
            now = self._told[cache] = cache.counts
            for kind, amount in (("hits", now.hits - told.hits), ("misses", now.misses - told.misses)):
                if amount:
                    amounts[f"{cache.name}.{kind}"] = amount
        return amounts


def _key(day: date) -> str:
    return f"cache_tally:{day.isoformat()}"


def _caches_of(day: date, fields: dict[bytes, bytes]) -> list[CacheDay]:
    amounts = {field.decode(): int(amount) for field, amount in fields.items()}
    names = sorted({field.rpartition(".")[0] for field in amounts})
    return [
        CacheDay(day, name, CacheCounts(amounts.get(f"{name}.hits", 0), amounts.get(f"{name}.misses", 0)))
        for name in names
    ]
