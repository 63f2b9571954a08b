"""Marks of who wrote a moment ago, over a real Redis."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis
from shodhana.runtime.own_writes import OwnWrites
from shodhana.runtime.redis import client_of, close
from shodhana.stack.ports import free_port

LONG_S = 60.0


@pytest.fixture
async def redis(redis_server: Any) -> AsyncIterator[Redis]:
    client = client_of(redis_server.url)
    yield client
    await close(client)


@pytest.fixture
def service() -> str:
    return uuid.uuid4().hex


async def test_another_replica_of_the_service_knows_who_wrote(redis: Redis, service: str) -> None:
    await OwnWrites(service, redis, LONG_S).note("users/anna")
    other = OwnWrites(service, redis, LONG_S)
    assert await other.may_have_written("users/anna")
    assert not await other.may_have_written("users/bela")
    assert not await OwnWrites(f"{service} other", redis, LONG_S).may_have_written("users/anna")


async def test_the_mark_goes_by_itself(redis: Redis, service: str) -> None:
    writes = OwnWrites(service, redis, 0.2)
    await writes.note("users/anna")
    async with asyncio.timeout(60):
        while await writes.may_have_written("users/anna"):  # noqa: ASYNC110 - Redis itself lets the mark go
            await asyncio.sleep(0.01)


async def test_where_redis_is_away_everybody_may_have_written_and_a_write_is_not_kept_from_its_answer() -> None:
    client = client_of(f"redis://127.0.0.1:{free_port()}")
    writes = OwnWrites("review", client, LONG_S)
    await writes.note("users/anna")
    assert await writes.may_have_written("users/anna")
    assert await writes.may_have_written("users/bela")
    await close(client)


async def test_without_redis_nothing_can_be_known() -> None:
    assert await OwnWrites("review", None, LONG_S).may_have_written("users/anna")
