"""The identity service over gRPC with a real Postgres."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from shodhana.api.identity.v1 import identity_pb2 as pb
from shodhana.api.identity.v1 import identity_pb2_grpc as grpc_api
from shodhana.identity.__main__ import register
from shodhana.identity.settings import IdentitySettings
from shodhana.runtime.application import Application

ADMIN_SECRET = "secret-of-the-tests"
VIEWER_SECRET = "another-of-the-tests"


@dataclass
class Identity:
    """A running service and what was handed to it."""

    channel: grpc.aio.Channel
    folder: Path

    @property
    def tokens(self) -> grpc_api.IdentityServiceStub:
        return grpc_api.IdentityServiceStub(self.channel)

    async def issue(self, client_id: str = "local-admin", secret: str = ADMIN_SECRET) -> pb.IssueTokenResponse:
        return await self.tokens.IssueToken(pb.IssueTokenRequest(client_id=client_id, client_secret=secret), timeout=10)

    async def users(self, client_id: str = "local-admin", secret: str = ADMIN_SECRET) -> Any:
        """A stub of the users that calls as this account."""
        return Calling(grpc_api.UserServiceStub(self.channel), (await self.issue(client_id, secret)).access_token)


class Calling:
    """A stub that sends a token with each call."""

    def __init__(self, stub: Any, token: str) -> None:
        self._stub = stub
        self._metadata = (("authorization", f"Bearer {token}"),)

    def __getattr__(self, name: str) -> Any:
        return lambda request: getattr(self._stub, name)(request, metadata=self._metadata, timeout=10)


@pytest.fixture
async def identity(postgres_database: Any, tmp_path: Path, until: Any) -> AsyncIterator[Identity]:
    """A service that took over an administrator and a viewer."""
    handed = [
        {"client_id": "local-admin", "client_secret": ADMIN_SECRET, "roles": ["admin"]},
        {"client_id": "local-viewer", "client_secret": VIEWER_SECRET, "roles": ["viewer"]},
    ]
    (tmp_path / "accounts.json").write_text(json.dumps(handed))
    settings = IdentitySettings(
        database_url=postgres_database.role_url("identity"),
        service_accounts_path=tmp_path / "accounts.json",
        signing_key_path=tmp_path / "key.json",
        jwks_path=tmp_path / "jwks.json",
        pool_min=1,
        pool_max=5,
        drain_s=0,
        stop_grace_s=0.2,
    )
    async with AsyncExitStack() as stack:
        application = Application(settings, stack)
        await register(application, settings)
        port = await application.start()
        stack.push_async_callback(application.drain)
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{port}"))
        found = Identity(channel, tmp_path)
        await until(lambda: succeeds(found.issue("local-viewer", VIEWER_SECRET)))
        yield found


async def succeeds(call: Any) -> bool:
    try:
        await call
    except grpc.aio.AioRpcError:
        return False
    return True


@pytest.fixture(name="until")
def until_fixture() -> Any:
    async def until(condition: Any, seconds: float = 20) -> None:
        """Returns when the awaited condition holds; fails when it does not in time."""
        async with asyncio.timeout(seconds):
            while not await condition():  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    return until


@pytest.fixture
def refusal() -> Any:
    async def refusal(call: Any) -> tuple[grpc.StatusCode, str]:
        """Status and reason of a call that has to fail."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        status, info = rpc_status.from_call(caught.value), error_details_pb2.ErrorInfo()
        assert status is not None
        assert any(detail.Unpack(info) for detail in status.details)
        return caught.value.code(), info.reason

    return refusal


@pytest.fixture
def new_id() -> str:
    return str(uuid.uuid4())
