"""The service as a process: ready with the glossary, without an embedding service, and ended cleanly."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from shodhana.stack.places import GLOSSARY
from shodhana.stack.ports import free_port

DEADLINE_S = 60
SERVICE = "shodhana.api.similarity.v1.SimilarityService"
Start = Callable[..., Any]


@pytest.fixture
async def start(postgres_database: Any, tmp_path: Path) -> AsyncIterator[Start]:
    started: list[asyncio.subprocess.Process] = []
    (tmp_path / "jwks.json").write_text('{"keys": []}')

    async def start(**settings: str) -> tuple[asyncio.subprocess.Process, str]:
        address = f"127.0.0.1:{free_port()}"
        environment = {
            "LISTEN_ADDRESS": address,
            "DATABASE_URL": postgres_database.role_url("similarity"),
            "JWKS_PATH": str(tmp_path / "jwks.json"),
            "EMBEDDING_ADDRESSES": f"127.0.0.1:{free_port()}",
            "DRAIN_S": "0",
            **settings,
        }
        command = (sys.executable, "-m", "shodhana.similarity")
        process = await asyncio.create_subprocess_exec(*command, env=os.environ | environment)
        started.append(process)
        return process, address

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def status_of(address: str) -> int:
    """The health of the service; 0 while it does not answer."""
    async with grpc.aio.insecure_channel(address) as channel:
        try:
            request = health_pb2.HealthCheckRequest(service=SERVICE)
            return int((await health_pb2_grpc.HealthStub(channel).Check(request, timeout=2)).status)
        except grpc.aio.AioRpcError:
            return 0


async def until_status(address: str, status: int) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while await status_of(address) != status:  # noqa: ASYNC110 — another process
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("epic_3", ["true", "false"])
async def test_it_is_ready_without_an_embedding_service_and_ends_when_told(start: Start, epic_3: str) -> None:
    process, address = await start(GLOSSARY_PATH=str(GLOSSARY), ENABLE_EPIC_3=epic_3)
    await until_status(address, health_pb2.HealthCheckResponse.SERVING)
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(DEADLINE_S):
        assert await process.wait() == 0


async def test_it_is_not_ready_without_a_lexicon(start: Start) -> None:
    _, address = await start()
    await until_status(address, health_pb2.HealthCheckResponse.NOT_SERVING)
