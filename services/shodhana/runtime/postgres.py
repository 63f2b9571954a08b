"""Pools of connections to Postgres."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import TypeAlias

import asyncpg
import structlog

from shodhana.errors import Unavailable

from . import metrics
from .settings import RuntimeSettings

IDLE_IN_TRANSACTION_MS = 60_000
PING_TIMEOUT_S = 2.0
NO_PARAMETERS: Mapping[str, str] = MappingProxyType({})
Connection: TypeAlias = "asyncpg.Connection | asyncpg.pool.PoolConnectionProxy"
_log = structlog.get_logger()


@asynccontextmanager
async def open_pool(
    settings: RuntimeSettings, schema: str, parameters: Mapping[str, str] = NO_PARAMETERS
) -> AsyncIterator[asyncpg.Pool]:
    """A pool whose connections find the tables of `schema`; `parameters` are more of Postgres's own.

    What a session sets stays set for who gets the connection next: what is set has to end with its transaction.

    Where Postgres is not there yet the pool starts empty and connects when it is: the process reports itself not
    ready meanwhile and needs nobody to restart it.
    """
    if not settings.database_url:
        raise Unavailable("DATABASE_URL is not set")
    try:
        pool = await _create(settings, schema, settings.pool_min, parameters)
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        _log.warning("database_unreachable", error=type(error).__name__)
        pool = await _create(settings, schema, 0, parameters)
    _expose(pool, schema)
    renewal = asyncio.create_task(_renew(pool, settings.pool_lifetime_s))
    try:
        yield pool
    finally:
        renewal.cancel()
        pool.terminate() if _is_stuck(pool) else await pool.close()


async def ping(pool: asyncpg.Pool) -> None:
    """Raises where no query gets through."""
    await pool.fetchval("SELECT 1", timeout=PING_TIMEOUT_S)


def _expose(pool: asyncpg.Pool, schema: str) -> None:
    """Gauges that ask the pool when they are read."""
    metrics.POOL_LIMIT.labels(schema).set(pool.get_max_size())
    metrics.POOL_CONNECTIONS.labels(schema, "idle").set_function(pool.get_idle_size)
    metrics.POOL_CONNECTIONS.labels(schema, "used").set_function(lambda: pool.get_size() - pool.get_idle_size())


async def _create(settings: RuntimeSettings, schema: str, min_size: int, parameters: Mapping[str, str]) -> asyncpg.Pool:
    return await asyncpg.create_pool(
        settings.database_url,
        min_size=min_size,
        max_size=settings.pool_max,
        timeout=settings.pool_connect_timeout_s,
        command_timeout=settings.query_timeout_s,
        max_inactive_connection_lifetime=settings.pool_idle_s,
        statement_cache_size=settings.statement_cache_size,
        reset=_leave,  # asyncpg's own is one more round trip for each query
        server_settings={
            **parameters,
            "search_path": f"{schema}, public",
            "application_name": f"shodhana-{settings.service_name}",
            "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_MS),
        },
    )


async def _leave(_connection: Connection) -> None:
    """Nothing is set in a session, so there is nothing to reset."""


async def _renew(pool: asyncpg.Pool, lifetime_s: float) -> None:
    """asyncpg knows no greatest age of a connection: all are replaced on a clock."""
    while True:
        await asyncio.sleep(lifetime_s)
        await pool.expire_connections()


def _is_stuck(pool: asyncpg.Pool) -> bool:
    return pool.get_size() - pool.get_idle_size() > 0
