"""Checks of the real thing: each asks a program what it is for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from redis.asyncio import Redis

from shodhana.runtime.wires import Options, PlainWire, Wire

from .parts import Check, NotReady
from .ports import LOOPBACK

ANSWER_S = 2.0


OPTIONS: Options = [("grpc.max_reconnect_backoff_ms", 200), ("grpc.initial_reconnect_backoff_ms", 50)]


def grpc_serving(port: int, service: str = "", wire: Wire | None = None) -> Check:
    """grpc.health.v1 on the port answers SERVING, to one who asks for `service` as the mesh does."""
    used = wire or PlainWire()
    channel: grpc.aio.Channel | None = None
    version = used.version()

    async def check() -> None:
        nonlocal channel, version
        if channel is not None and version != used.version():
            await channel.close()
            channel = None
        if channel is None:
            version = used.version()
            channel = used.channel(service, f"{LOOPBACK}:{port}", OPTIONS)
        try:
            request = health_pb2.HealthCheckRequest()
            answer = await health_pb2_grpc.HealthStub(channel).Check(request, timeout=ANSWER_S)
        except grpc.aio.AioRpcError as error:
            raise ConnectionError(error.code().name) from None
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            raise NotReady(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))

    return check


def postgres_answers(url: str) -> Check:
    """A query gets through."""

    async def check() -> None:
        try:
            connection = await asyncpg.connect(url, timeout=ANSWER_S)
        except asyncpg.CannotConnectNowError as error:
            raise NotReady(str(error)) from None
        try:
            await connection.fetchval("SELECT 1", timeout=ANSWER_S)
        finally:
            await connection.close(timeout=ANSWER_S)

    return check


def redis_answers(url: str) -> Check:
    """PING is answered with the password given: `redis-cli ping` would exit 0 on NOAUTH."""

    async def check() -> None:
        async with Redis.from_url(url, socket_timeout=ANSWER_S, socket_connect_timeout=ANSWER_S) as client:
            await _within(client.ping)

    return check


def http_answers(port: int, path: str) -> Check:
    """GET on the loopback interface answers 200."""

    async def check() -> None:
        async with asyncio.timeout(ANSWER_S):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
                status = (await reader.readline()).split()
            finally:
                writer.close()
        if len(status) < 2 or status[1] != b"200":
            raise NotReady(b" ".join(status).decode(errors="replace"))

    return check


def file_touched(path: Path) -> Check:
    """The program has touched the file since it was removed before the start."""

    async def check() -> None:
        if not path.exists():
            raise NotReady("not ready yet")

    return check


def removes(path: Path) -> Callable[[], None]:
    """What `file_touched` needs before each start: the folder, without the file."""

    def remove() -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)

    return remove


async def _within(work: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(ANSWER_S):
        await work()
