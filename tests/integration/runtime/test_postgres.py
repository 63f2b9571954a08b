"""Pools over a real Postgres: how many connections, how long, and what a role may reach."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest
from shodhana.errors import Unavailable
from shodhana.runtime.errors import as_domain_error
from shodhana.runtime.postgres import open_pool, ping
from shodhana.runtime.settings import RuntimeSettings
from shodhana.stack.ports import free_port


def settings(database: Any, **changes: Any) -> RuntimeSettings:
    given = {"service_name": "tests", "database_url": database.role_url("identity"), "pool_min": 2, "pool_max": 4}
    return RuntimeSettings(**(given | changes))


async def connections(database: Any) -> int:
    connection = await asyncpg.connect(database.url)
    try:
        statement = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'shodhana-tests' AND datname = $1"
        return int(await connection.fetchval(statement, database.name))
    finally:
        await connection.close()


async def test_it_opens_the_least_and_never_more_than_the_most(postgres_database: Any) -> None:
    async with open_pool(settings(postgres_database), "identity") as pool:
        assert await connections(postgres_database) == 2
        together = asyncio.gather(*(pool.fetchval("SELECT pg_sleep(0.05)") for _ in range(20)))
        seen = 0
        while not together.done():
            seen = max(seen, await connections(postgres_database))
        await together
        assert seen == 4


async def test_a_role_finds_its_own_tables_and_reaches_no_others(postgres_database: Any) -> None:
    async with open_pool(settings(postgres_database), "identity") as pool:
        assert await pool.fetchval("SELECT count(*) FROM service_accounts") == 0
        for statement in ("SELECT * FROM review.review_cases", "CREATE TABLE public.mine ()", "DROP TABLE users"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await pool.execute(statement)


async def test_a_query_ends_with_its_time(postgres_database: Any) -> None:
    async with open_pool(settings(postgres_database, query_timeout_s=0.2), "identity") as pool:
        with pytest.raises(TimeoutError):
            await pool.execute("SELECT pg_sleep(20)")
        await ping(pool)


async def test_an_abandoned_transaction_is_ended_by_the_server(postgres_database: Any) -> None:
    async with open_pool(settings(postgres_database), "identity") as pool:
        assert await pool.fetchval("SHOW idle_in_transaction_session_timeout") == "1min"


async def test_connections_are_replaced_when_their_time_is_over(postgres_database: Any) -> None:
    async with open_pool(settings(postgres_database, pool_lifetime_s=0.1), "identity") as pool:
        first = await pool.fetchval("SELECT pg_backend_pid()")
        async with asyncio.timeout(60):
            while await pool.fetchval("SELECT pg_backend_pid()") == first:
                pass


async def test_a_connection_that_is_cut_is_replaced(postgres_database: Any) -> None:
    async with open_pool(settings(postgres_database, pool_min=1, pool_max=1), "identity") as pool:
        await cut(postgres_database)
        errors = []
        async with asyncio.timeout(60):
            while True:
                try:
                    await ping(pool)
                    break
                except Exception as error:
                    errors.append(error)
        assert [type(error) for error in errors if not isinstance(as_domain_error(error), Unavailable)] == []


async def cut(database: Any) -> None:
    connection = await asyncpg.connect(database.url)
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'shodhana-tests'"
        )
    finally:
        await connection.close()


async def test_where_postgres_is_away_the_process_starts_and_is_not_ready() -> None:
    nowhere = f"postgresql://a:b@127.0.0.1:{free_port()}/c"
    away = RuntimeSettings(database_url=nowhere)
    async with asyncio.timeout(60), open_pool(away, "identity") as pool:
        with pytest.raises(ConnectionRefusedError) as failure:
            await ping(pool)
        assert isinstance(as_domain_error(failure.value), Unavailable)


async def test_without_an_address_there_is_no_pool() -> None:
    with pytest.raises(Unavailable, match="DATABASE_URL"):
        async with open_pool(RuntimeSettings(database_url=None), "identity"):
            pass
