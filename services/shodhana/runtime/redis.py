"""Connections to the cache."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff

from .settings import RuntimeSettings

CACHE_PATIENCE_S = 0.5  # a cache that answers later than that is no help
ONCE_MORE = Retry(NoBackoff(), 1)  # for a connection that was closed meanwhile; redis-py's own pauses add up to seconds
SENTINEL = "sentinel://"
CLUSTER = "redis+cluster://"
SENTINEL_PORT = 26379
MASTER = "broker"
"""What the sentinels call the server that they watch."""


@asynccontextmanager
async def open_redis(settings: RuntimeSettings, patience_s: float = CACHE_PATIENCE_S) -> AsyncIterator[Redis | None]:
    """A client for `REDIS_URL`, connected when first used; None where no cache is configured.

    `patience_s` is waited for a connection or an answer, twice at most: longer by who cannot do without.
    """
    if not settings.redis_url:
        yield None
        return
    client = client_of(settings.redis_url, patience_s)
    try:
        yield client
    finally:
        await close(client)


def client_of(url: str, patience_s: float = CACHE_PATIENCE_S) -> Redis:
    """A client for one server, for a cluster, or for the server that sentinels name.

    In this order: `redis://…` or `rediss://…`; `redis+cluster://…` with any node; `sentinel://…;sentinel://…` with each
    sentinel, as Celery writes it.
    """
    limits: Mapping[str, Any] = {"socket_timeout": patience_s, "socket_connect_timeout": patience_s, "retry": ONCE_MORE}
    if url.startswith(SENTINEL):
        return _watched(url.split(";"), limits)
    if url.startswith(CLUSTER):
        return cast("Redis", ClusterCache.from_url(f"redis://{url.removeprefix(CLUSTER)}", **limits))
    return Redis.from_url(url, **limits)


async def close(client: Redis) -> None:
    """Closes its connections, those to sentinels too."""
    await client.aclose()
    pool = getattr(client, "connection_pool", None)
    if isinstance(pool, SentinelConnectionPool):
        for sentinel in pool.sentinel_manager.sentinels:
            await sentinel.aclose()


class ClusterCache(RedisCluster):
    """A cluster on which many keys are read as on one server, wherever they lie."""

    async def mget(self, keys: Any, *more: Any) -> list[Any]:
        values: list[Any] = await self.mget_nonatomic(keys, *more)
        return values


def _watched(urls: list[str], limits: Mapping[str, Any]) -> Redis:
    parts = [urlsplit(url) for url in urls]
    password = unquote(parts[0].password or "") or None
    addresses = [(part.hostname, part.port or SENTINEL_PORT) for part in parts]
    make: Any = Sentinel  # its stub has no types
    sentinel = make(addresses, sentinel_kwargs={"password": password, **limits}, password=password, **limits)
    return cast("Redis", sentinel.master_for(MASTER))
