"""Pools of connections to Postgres."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from types import MappingProxyType
from typing import Any, TypeAlias, cast

import asyncpg
import structlog

from shodhana.errors import Unavailable

from . import metrics
from .hosts import FAULTS, ONLY_READS, Hosts, fails_over
from .settings import RuntimeSettings

IDLE_IN_TRANSACTION_MS = 60_000
PING_TIMEOUT_S = 2.0
RETRY_S = 1.0
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
    ready meanwhile and needs nobody to restart it. Of several hosts in the URL it takes the one that takes writes.
    """
    if not settings.database_url:
        raise Unavailable("DATABASE_URL is not set")
    async with _opened(settings, settings.database_url, schema, parameters) as pool:
        yield pool


@asynccontextmanager
async def open_standby_pool(
    settings: RuntimeSettings, schema: str, parameters: Mapping[str, str]
) -> AsyncIterator[asyncpg.Pool]:
    """The same at `DATABASE_REPLICA_URL`, for reading."""
    async with _opened(settings, settings.database_replica_url or "", schema, parameters, " standby") as pool:
        yield pool


async def ping(pool: asyncpg.Pool) -> None:
    """Raises where no write would get through."""
    if await ask(pool, "fetchval", ONLY_READS, patience_s=PING_TIMEOUT_S):
        raise Unavailable("the database only reads", retry_after_s=RETRY_S)


async def settle(target: asyncpg.Pool | Connection) -> None:
    """Returns when what could be read till now is where commits have to be before they are answered: the standby too.

    A commit whose wait for the standby was broken off can be read before that. Who answers a repeated call from what
    the first one left calls this in between: it is a commit of its own, behind those.
    """
    await target.execute("SELECT pg_logical_emit_message(true, 'settled', '')")


async def ask(pool: asyncpg.Pool, way: str, query: str, *arguments: object, patience_s: float) -> Any:
    """What `pool.fetch` and its like answer. Raises TimeoutError after so long, whatever the server does."""
    async with borrowed(pool, patience_s) as connection:
        return await getattr(connection, way)(query, *arguments)


@asynccontextmanager
async def borrowed(pool: asyncpg.Pool, patience_s: float) -> AsyncIterator[Connection]:
    """A connection for so long. Raises TimeoutError after that, and gives up the connection.

    A pool by itself waits, after the time is over, until the server has said that the query ends: for ever, where the
    server hangs.
    """
    async with asyncio.timeout(patience_s):
        connection = await pool.acquire()
        try:
            yield connection
        except asyncio.CancelledError:
            connection.terminate()
            raise
        finally:
            await pool.release(connection)


@asynccontextmanager
async def _opened(
    settings: RuntimeSettings, url: str, schema: str, parameters: Mapping[str, str], server: str = ""
) -> AsyncIterator[asyncpg.Pool]:
    hosts = Hosts(url) if fails_over(url) else None
    create = partial(_create, settings, url, schema, parameters, hosts)
    try:
        pool = await create(settings.pool_min)
    except FAULTS as error:
        _log.warning("database_unreachable", server=server.strip() or "primary", error=type(error).__name__)
        pool = await create(0)
    _expose(pool, f"{schema}{server}")
    tasks = [asyncio.create_task(_renew(pool, settings.pool_lifetime_s))]
    if hosts is not None:
        tasks.append(asyncio.create_task(hosts.follow()))
    try:
        yield pool
    finally:
        for task in tasks:
            task.cancel()
        pool.terminate() if _is_stuck(pool) else await pool.close()


def _expose(pool: asyncpg.Pool, schema: str) -> None:
    """Gauges that ask the pool when they are read."""
    metrics.POOL_LIMIT.labels(schema).set(pool.get_max_size())
    metrics.POOL_CONNECTIONS.labels(schema, "idle").set_function(pool.get_idle_size)
    metrics.POOL_CONNECTIONS.labels(schema, "used").set_function(lambda: pool.get_size() - pool.get_idle_size())


async def _create(
    settings: RuntimeSettings,
    url: str,
    schema: str,
    parameters: Mapping[str, str],
    hosts: Hosts | None,
    min_size: int,
) -> asyncpg.Pool:
    return await asyncpg.create_pool(
        url,
        connect=cast("Any", hosts.connect if hosts else None),
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
