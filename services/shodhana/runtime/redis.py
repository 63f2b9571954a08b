"""Connections to the cache."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff

from .settings import RuntimeSettings

SOCKET_TIMEOUT_S = 0.5  # a cache that answers later than that is no help
ONCE_MORE = Retry(NoBackoff(), 1)  # for a connection that was closed meanwhile; redis-py's own pauses add up to seconds
LIMITS: Mapping[str, Any] = MappingProxyType(
    {"socket_timeout": SOCKET_TIMEOUT_S, "socket_connect_timeout": SOCKET_TIMEOUT_S, "retry": ONCE_MORE}
)
SENTINEL = "sentinel://"
CLUSTER = "redis+cluster://"
SENTINEL_PORT = 26379
MASTER = "broker"
"""What the sentinels call the server that they watch."""


@asynccontextmanager
async def open_redis(settings: RuntimeSettings) -> AsyncIterator[Redis | None]:
    """A client for `REDIS_URL`, connected when first used; None where no cache is configured."""
    if not settings.redis_url:
        yield None
        return
    client = client_of(settings.redis_url)
    try:
        yield client
    finally:
        await close(client)


def client_of(url: str) -> Redis:
    """A client for one server, for a cluster, or for the server that sentinels name.

    In this order: `redis://…` or `rediss://…`; `redis+cluster://…` with any node; `sentinel://…;sentinel://…` with each
    sentinel, as Celery writes it.
    """
    if url.startswith(SENTINEL):
        return _watched(url.split(";"))
    if url.startswith(CLUSTER):
        return cast("Redis", ClusterCache.from_url(f"redis://{url.removeprefix(CLUSTER)}", **LIMITS))
    return Redis.from_url(url, **LIMITS)


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


def _watched(urls: list[str]) -> Redis:
    parts = [urlsplit(url) for url in urls]
    password = unquote(parts[0].password or "") or None
    addresses = [(part.hostname, part.port or SENTINEL_PORT) for part in parts]
    make: Any = Sentinel  # its stub has no types
    sentinel = make(addresses, sentinel_kwargs={"password": password, **LIMITS}, password=password, **LIMITS)
    return cast("Redis", sentinel.master_for(MASTER))
