"""Connections to the cache."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from .settings import RuntimeSettings

SOCKET_TIMEOUT_S = 0.5  # a cache that answers later than that is no help


@asynccontextmanager
async def open_redis(settings: RuntimeSettings) -> AsyncIterator[Redis | None]:
    """A client for `REDIS_URL`, connected when first used; None where no cache is configured."""
    if not settings.redis_url:
        yield None
        return
    client = Redis.from_url(
        settings.redis_url, socket_timeout=SOCKET_TIMEOUT_S, socket_connect_timeout=SOCKET_TIMEOUT_S
    )
    try:
        yield client
    finally:
        await client.aclose()
