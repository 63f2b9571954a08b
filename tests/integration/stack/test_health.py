"""Health is what a program is for, not that something listens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import pytest
import redis
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from shodhana.stack import health
from shodhana.stack.parts import Check, NotReady
from shodhana.stack.ports import LOOPBACK, free_port

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@asynccontextmanager
async def service(port: int) -> AsyncIterator[HealthServicer]:
    server, servicer = grpc.aio.server(), HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    server.add_insecure_port(f"{LOOPBACK}:{port}")
    await server.start()
    try:
        yield servicer
    finally:
        await server.stop(None)


async def test_a_service_is_healthy_when_it_says_so_and_again_after_it_was_away() -> None:
    port = free_port()
    check = health.grpc_serving(port)
    with pytest.raises(ConnectionError):
        await check()
    for _ in range(2):
        async with service(port) as servicer:
            await servicer.set("", NOT_SERVING)
            with pytest.raises(NotReady, match="NOT_SERVING"):
                await until_answered(check)
            await servicer.set("", SERVING)
            await check()


async def until_answered(check: Check) -> None:
    """The channel looks for the server again within its back-off."""
    while True:
        try:
            return await check()
        except ConnectionError:
            continue


async def test_a_redis_that_refuses_the_password_is_not_healthy(redis_server: Any) -> None:
    await health.redis_answers(redis_server.url)()
    with pytest.raises(redis.AuthenticationError):
        await health.redis_answers(f"redis://:wrong@{LOOPBACK}:{redis_server.port}/0")()


async def test_a_postgres_that_refuses_the_password_is_not_healthy(postgres_server: Any) -> None:
    await health.postgres_answers(postgres_server.url)()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await health.postgres_answers(postgres_server.url_of("shodhana", "wrong"))()


async def test_a_worker_is_healthy_when_it_has_touched_its_file_since_the_start(tmp_path: Path) -> None:
    ready = tmp_path / "ready" / "worker"
    check, prepare = health.file_touched(ready), health.removes(ready)
    prepare()
    ready.touch()
    await check()
    prepare()
    with pytest.raises(NotReady):
        await check()
