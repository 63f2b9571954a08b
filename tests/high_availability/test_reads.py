"""Reads from a real standby: only what is fresh, and what the caller wrote himself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

import asyncpg
import psutil
import pytest
from shodhana.runtime import metrics, standby
from shodhana.runtime.postgres import open_pool
from shodhana.runtime.settings import RuntimeSettings
from shodhana.runtime.standby import Reads, open_reads
from shodhana.stack.ports import free_port

from tests.high_availability.pair import Pair, value

IN_STANDBY = "SELECT pg_is_in_recovery()"
MAX_LAG_S = 3.0
ANNA, BELA = "users/anna", "users/bela"


@asynccontextmanager
async def reading(pair: Pair, redis_url: str | None = None, **changes: Any) -> AsyncIterator[Reads]:
    given = {"database_url": pair.url("quality"), "database_replica_url": pair.standby_url("quality")}
    limits = {"replica_max_lag_s": MAX_LAG_S, "pool_min": 1, "pool_max": 4, "redis_url": redis_url}
    settings = RuntimeSettings(service_name="tests", **(given | limits | changes))
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(open_pool(settings, "quality"))
        yield await stack.enter_async_context(open_reads(settings, "quality", pool))


async def until(condition: Callable[[], Awaitable[Any]], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - told by servers
            await asyncio.sleep(0.02)


async def is_by_standby(reads: Reads) -> bool:
    return bool(await reads.fetchval(IN_STANDBY))


async def test_a_fresh_standby_answers_and_the_metrics_say_so(pair: Pair) -> None:
    async with reading(pair) as reads:
        await until(lambda: is_by_standby(reads))
        counted = metrics.DATABASE_READS.labels("quality", "standby")
        before = counted._value.get()
        assert await is_by_standby(reads)
        assert counted._value.get() == before + 1
        assert metrics.REPLICA_LAG.labels("quality")._child_samples()[0].value <= MAX_LAG_S


async def test_it_answers_too_while_the_primary_is_written_to_all_the_time(pair: Pair) -> None:
    async with reading(pair) as reads:
        stopped = asyncio.Event()
        writing = asyncio.create_task(write_until(pair, stopped))
        await until(lambda: is_by_standby(reads))
        found = []
        for _ in range(40):
            found.append(await is_by_standby(reads))
            await asyncio.sleep(0.02)
        stopped.set()
        assert await writing > 0
        assert sum(found) > len(found) / 2


async def write_until(pair: Pair, stopped: asyncio.Event) -> int:
    connection, count = await asyncpg.connect(pair.primary.url), 0
    while not stopped.is_set():
        await connection.execute("SELECT pg_logical_emit_message(true, 'test', 'written')")
        count += 1
    await connection.close()
    return count


async def test_a_standby_that_lags_is_not_read_until_it_has_caught_up(pair: Pair) -> None:
    async with reading(pair, replica_max_lag_s=0.4) as reads:
        await until(lambda: is_by_standby(reads))
        value_of = asyncio.to_thread
        await value_of(value, pair.standby.url, "SELECT pg_wal_replay_pause()")
        try:
            await value_of(value, pair.primary.url, "SELECT pg_logical_emit_message(true, 'test', 'written')")
            await until(lambda: not_by_standby(reads))
        finally:
            await value_of(value, pair.standby.url, "SELECT pg_wal_replay_resume()")
        await until(lambda: is_by_standby(reads))


async def not_by_standby(reads: Reads) -> bool:
    return not await is_by_standby(reads)


async def test_who_has_written_reads_from_the_primary_for_a_while_and_others_from_the_standby(
    pair: Pair, redis_server: Any
) -> None:
    async with reading(pair, redis_server.url) as reads, reading(pair, redis_server.url) as other_replica:
        await until(lambda: is_by_standby(reads))
        await until(lambda: is_by_standby(other_replica))
        await reads.note_write(ANNA)
        assert not await as_caller(ANNA, is_by_standby(reads))
        assert not await as_caller(ANNA, is_by_standby(other_replica))
        assert await as_caller(BELA, is_by_standby(other_replica))
        await until(lambda: as_caller(ANNA, is_by_standby(other_replica)))


async def as_caller(subject: str, read: Awaitable[bool], may_be_late: bool = True) -> bool:
    async def run() -> bool:
        standby.begin(subject, may_be_late)
        return await read

    return await asyncio.create_task(run())


async def test_a_call_that_writes_reads_from_the_primary(pair: Pair, redis_server: Any) -> None:
    async with reading(pair, redis_server.url) as reads:
        await until(lambda: as_caller(BELA, is_by_standby(reads)))
        assert not await as_caller(BELA, is_by_standby(reads), may_be_late=False)


async def test_without_redis_callers_read_from_the_primary(pair: Pair) -> None:
    async with reading(pair) as reads:
        await until(lambda: is_by_standby(reads))
        assert not await as_caller(BELA, is_by_standby(reads))


async def test_a_row_that_the_standby_does_not_have_is_looked_for_at_the_primary(pair: Pair) -> None:
    async with reading(pair) as reads:
        await until(lambda: is_by_standby(reads))
        assert await reads.fetchrow("SELECT 1 WHERE NOT pg_is_in_recovery()") is not None


async def test_a_query_that_fails_at_the_standby_alone_is_answered_by_the_primary(pair: Pair) -> None:
    async with reading(pair) as reads:
        await until(lambda: is_by_standby(reads))
        rows = await reads.fetch("SELECT 1 / (CASE WHEN pg_is_in_recovery() THEN 0 ELSE 1 END) AS one")
        assert [row["one"] for row in rows] == [1]


async def test_where_no_standby_is_there_the_primary_answers(pair: Pair) -> None:
    nowhere = f"postgresql://nobody:x@127.0.0.1:{free_port()}/shodhana"
    async with reading(pair, database_replica_url=nowhere) as reads:
        assert await reads.fetchval(IN_STANDBY) is False


async def test_a_standby_that_hangs_costs_one_wait_and_no_error(pair: Pair) -> None:
    async with reading(pair, replica_patience_s=4.0, replica_max_lag_s=20.0) as reads:
        await until(lambda: is_by_standby(reads))
        with hanging(pair.processes[1]):
            async with asyncio.timeout(30):
                assert await not_by_standby(reads)
            async with asyncio.timeout(3):
                assert await not_by_standby(reads)
        await until(lambda: is_by_standby(reads))


@contextmanager
def hanging(process: psutil.Process) -> Any:
    stopped = [process, *process.children(recursive=True)]
    for one in stopped:
        one.suspend()
    try:
        yield
    finally:
        for one in stopped:
            one.resume()


@pytest.mark.parametrize("hangs", [False, True], ids=["only reads", "hangs"])
async def test_pools_leave_a_primary_that_was_for_the_one_that_is(own_pair: Pair, hangs: bool) -> None:
    async with reading(own_pair, database_replica_url=None) as reads:
        assert await reads.fetchval("SHOW port") == str(own_pair.primary.port)
        if hangs:
            with hanging(own_pair.processes[0]):
                await asyncio.to_thread(own_pair.promote)
                await until(lambda: is_new(reads, own_pair))
        else:
            await asyncio.to_thread(own_pair.promote)
            connection = await asyncpg.connect(own_pair.primary.url)
            await connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
            await connection.execute("SELECT pg_reload_conf()")
            await connection.close()
            await until(lambda: is_new(reads, own_pair))


async def is_new(reads: Reads, pair: Pair) -> bool:
    """Whether the new primary answers within a second."""
    try:
        async with asyncio.timeout(1):
            return bool(await reads.fetchval("SHOW port") == str(pair.standby.port))
    except (TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
        return False
