"""The embedded servers are the real ones."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
import redis


async def test_postgres_has_vectors_and_every_role_reaches_its_own_schema_only(postgres_database: Any) -> None:
    connection = await asyncpg.connect(postgres_database.url)
    assert await connection.fetchval("SELECT '[1,2,3]'::halfvec <=> '[1,2,3]'::halfvec") == pytest.approx(0)
    await connection.close()
    identity = await asyncpg.connect(postgres_database.role_url("identity"))
    assert await identity.fetchval("SELECT count(*) FROM identity.users") == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await identity.execute("CREATE TABLE review.intruder (id int)")
    await identity.close()


def test_the_broker_never_evicts_and_writes_every_task_to_disk(redis_server: Any) -> None:
    client = redis.Redis.from_url(redis_server.url)
    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    assert client.config_get("appendfsync") == {"appendfsync": "always"}
    client.close()
