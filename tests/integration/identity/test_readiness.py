"""The service as a process while its Postgres goes and comes back: readiness tells, nobody has to help."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from shodhana.api.identity.v1 import identity_pb2 as pb
from shodhana.api.identity.v1 import identity_pb2_grpc as grpc_api
from shodhana.stack.migrations import migrate, role_of, set_passwords
from shodhana.stack.ports import free_port
from shodhana.stack.postgres import EmbeddedPostgres

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
PASSWORD = "only-for-tests"


class OwnPostgres:
    """A Postgres of this test alone, which may be killed."""

    def __init__(self, directory: Path) -> None:
        self._server = EmbeddedPostgres(directory, free_port(), PASSWORD, volatile=True)
        self._server.prepare()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def role_url(self) -> str:
        return str(self._server.url_of(role_of("identity"), PASSWORD))

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._server.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )

    def prepare(self) -> None:
        migrate(self._server.url)  # waits for it
        asyncio.run(set_passwords(self._server.url, {"identity": PASSWORD}))

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)  # at once: connections are cut
            self._process.wait(20)


@pytest.fixture
def own_postgres() -> Iterator[OwnPostgres]:
    with tempfile.TemporaryDirectory(prefix="shodhana-tests-") as name:
        Path(name).chmod(0o755)  # pytest's own folders are closed to the user Postgres runs as
        server = OwnPostgres(Path(name))
        server.start()
        server.prepare()
        yield server
        server.stop()


@pytest.fixture
async def target(own_postgres: OwnPostgres, tmp_path: Path) -> AsyncIterator[str]:
    """The address of the process."""
    target = f"127.0.0.1:{free_port()}"
    environment = {
        "LISTEN_ADDRESS": target,
        "DATABASE_URL": own_postgres.role_url,
        "JWKS_PATH": str(tmp_path / "jwks.json"),
        "SIGNING_KEY_PATH": str(tmp_path / "key.json"),
        "DRAIN_S": "0",
        "POOL_MIN": "1",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "shodhana.identity"), env=os.environ | environment, stdout=subprocess.DEVNULL
    )
    yield target
    if process.returncode is None:
        process.terminate()
    assert await asyncio.wait_for(process.wait(), 60) == 0


async def until_status(target: str, status: int, service: str) -> None:
    request = health_pb2.HealthCheckRequest(service=service)
    async with grpc.aio.insecure_channel(target) as channel, asyncio.timeout(60):
        stub = health_pb2_grpc.HealthStub(channel)
        while (await stub.Check(request, wait_for_ready=True)).status != status:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_readiness_follows_postgres_and_calls_say_when_to_come_back(
    own_postgres: OwnPostgres, target: str
) -> None:
    request = pb.IssueTokenRequest(client_id="nobody", client_secret="x")
    names = ("", "postgres", "shodhana.api.identity.v1.UserService")
    async with grpc.aio.insecure_channel(target) as channel:
        stub = grpc_api.IdentityServiceStub(channel)
        for name in names:
            await until_status(target, SERVING, name)
        own_postgres.stop()
        for name in names:
            await until_status(target, NOT_SERVING, name)
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await stub.IssueToken(request, timeout=10)
        assert refusal.value.code() is grpc.StatusCode.UNAVAILABLE
        status: Any = rpc_status.from_call(refusal.value)
        assert any(detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR) for detail in status.details)
        own_postgres.start()
        for name in names:
            await until_status(target, SERVING, name)
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await stub.IssueToken(request, timeout=10)
        assert refusal.value.code() is grpc.StatusCode.UNAUTHENTICATED  # it knows again that there is nobody
