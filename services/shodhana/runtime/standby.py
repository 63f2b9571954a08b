"""Reads from a standby of Postgres while it is fresh, and from the primary in every other case."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg
import structlog

from . import deadline, metrics, postgres
from .freshness import Freshness, Position
from .hosts import FAULTS
from .own_writes import OwnWrites
from .redis import open_redis
from .settings import RuntimeSettings

LOOKS = 4
"""In the time that the standby may lag."""
LOOK_TIMEOUT_S = 1.0
REMEMBERED = 10
"""Times the lag allowed: so that the metric tells how late a standby is that is too late."""
WRITTEN_AT = """
SELECT ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int,
    pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint
"""
REPLAYED_TO = """
SELECT timeline_id, pg_wal_lsn_diff(
    CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END, '0/0'
)::bigint
FROM pg_control_checkpoint()
"""
_log = structlog.get_logger()


class Readable(Protocol):
    """What can be asked: a pool, or reads that choose between two."""

    async def fetch(self, query: str, *arguments: Any) -> list[asyncpg.Record]: ...

    async def fetchrow(self, query: str, *arguments: Any) -> asyncpg.Record | None: ...

    async def fetchval(self, query: str, *arguments: Any) -> Any: ...


@dataclass(slots=True)
class Reader:
    """Who asks in the present RPC, and what was found of it."""

    subject: str
    may_be_late: bool
    has_not_written: bool | None = None


_reader: ContextVar[Reader | None] = ContextVar("reader", default=None)


def begin(subject: str, may_be_late: bool) -> None:
    """Notes the caller of the present RPC, and whether its contract says that it only reads.

    What runs in the background has no caller, and may read what is a moment old.
    """
    _reader.set(Reader(subject, may_be_late))


class Reads:
    """Asks the standby, where one is configured, it is fresh, and the caller has written nothing it may lack.

    An adapter that reads through it opts in: its answers may be `replica_max_lag_s` old. A query that the standby
    does not answer, or has no row for, goes to the primary.
    """

    def __init__(self, primary: asyncpg.Pool, standby: Standby | None = None) -> None:
        self._primary = primary
        self._standby = standby

    async def fetch(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        rows = await self._from_standby("fetch", query, arguments)
        return await self._primary.fetch(query, *arguments) if rows is None else list(rows)

    async def fetchrow(self, query: str, *arguments: Any) -> asyncpg.Record | None:
        row: asyncpg.Record | None = await self._from_standby("fetchrow", query, arguments)
        return await self._primary.fetchrow(query, *arguments) if row is None else row

    async def fetchval(self, query: str, *arguments: Any) -> Any:
        value = await self._from_standby("fetchval", query, arguments)
        return await self._primary.fetchval(query, *arguments) if value is None else value

    async def note_write(self, subject: str) -> None:
        """The caller has written: what it reads next comes from the primary."""
        if self._standby is not None:
            await self._standby.own_writes.note(subject)

    async def _from_standby(self, way: str, query: str, arguments: tuple[Any, ...]) -> Any:
        if self._standby is None:
            return None
        found = await self._standby.ask(way, query, arguments) if await self._standby.may_answer() else None
        self._standby.count("primary" if found is None else "standby")
        return found


class Standby:
    """A pool at the standby, and what is known of how late it is."""

    def __init__(self, primary: asyncpg.Pool, pool: asyncpg.Pool, own_writes: OwnWrites, limits: Limits) -> None:
        self.own_writes = own_writes
        self._primary = primary
        self._pool = pool
        self._limits = limits
        self._freshness = Freshness(REMEMBERED * limits.max_lag_s)
        self._seen: Position | None = None
        metrics.REPLICA_LAG.labels(limits.schema).set_function(lambda: self._freshness.lag_s(self._seen))

    def count(self, target: str) -> None:
        """Counts a read by where it was answered."""
        metrics.DATABASE_READS.labels(self._limits.schema, target).inc()

    async def may_answer(self) -> bool:
        """Whether the standby lacks nothing that the caller of the present RPC may expect."""
        reader = _reader.get()
        if reader is None:
            return self._is_fresh
        if not reader.may_be_late or not self._is_fresh:
            return False
        if reader.has_not_written is None:
            reader.has_not_written = not await self.own_writes.may_have_written(reader.subject)
        return reader.has_not_written

    @property
    def _is_fresh(self) -> bool:
        return self._freshness.lag_s(self._seen) <= self._limits.max_lag_s

    async def ask(self, way: str, query: str, arguments: tuple[Any, ...]) -> Any:
        """The standby's answer; None where it is late, or gives none in time.

        The very connection that is asked is looked at: behind one name there may be several standbys. And now, after it
        was seen that the caller's mark is gone: all that was written before then is in what is fresh.
        """
        patience_s = min(self._limits.patience_s, deadline.budget_s(math.inf) / 2)
        try:
            async with postgres.borrowed(self._pool, patience_s) as connection:
                replayed = _position_of(await connection.fetchrow(REPLAYED_TO))
                if self._freshness.lag_s(replayed) > self._limits.max_lag_s:
                    return None
                return await getattr(connection, way)(query, *arguments)
        except FAULTS as error:
            _log.warning("standby_gave_no_answer", error=type(error).__name__)
            if not isinstance(error, asyncpg.PostgresError):
                self._seen = None  # nothing is read from it until it has been looked at again
            return None

    async def follow(self) -> None:
        """Looks at both again and again, until cancelled."""
        while True:
            began = time.monotonic()
            async with asyncio.TaskGroup() as looks:
                primary = looks.create_task(_position(self._primary, WRITTEN_AT))
                standby = looks.create_task(_position(self._pool, REPLAYED_TO))
            if (written := primary.result()) is not None:
                self._freshness.note_primary(began, written)
            self._seen = standby.result()
            await asyncio.sleep(self._limits.max_lag_s / LOOKS)


@dataclass(frozen=True, slots=True)
class Limits:
    """How late a standby may be, and how long it may take to answer."""

    schema: str
    max_lag_s: float
    patience_s: float


@asynccontextmanager
async def open_reads(
    settings: RuntimeSettings,
    schema: str,
    primary: asyncpg.Pool,
    parameters: Mapping[str, str] = postgres.NO_PARAMETERS,
) -> AsyncIterator[Reads]:
    """Reads from `DATABASE_REPLICA_URL` and the primary; without that address from the primary alone."""
    if not settings.database_replica_url:
        yield Reads(primary)
        return
    limits = Limits(schema, settings.replica_max_lag_s, settings.replica_patience_s)
    async with postgres.open_standby_pool(settings, schema, parameters) as pool, open_redis(settings) as redis:
        own_writes = OwnWrites(schema, redis, settings.replica_max_lag_s)
        standby = Standby(primary, pool, own_writes, limits)
        following = asyncio.create_task(standby.follow(), name="standby")
        try:
            yield Reads(primary, standby)
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following


async def _position(pool: asyncpg.Pool, query: str) -> Position | None:
    """How far a server's log goes; None where it does not say."""
    try:
        return _position_of(await postgres.ask(pool, "fetchrow", query, patience_s=LOOK_TIMEOUT_S))
    except FAULTS:
        return None


def _position_of(row: asyncpg.Record | None) -> Position | None:
    return None if row is None or row[1] is None else Position(row[0], row[1])
