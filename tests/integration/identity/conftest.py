"""The identity service over gRPC with a real Postgres."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
import redis.asyncio
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from shodhana.api.identity.v1 import identity_pb2 as pb
from shodhana.api.identity.v1 import identity_pb2_grpc as grpc_api
from shodhana.identity.__main__ import register
from shodhana.identity.settings import IdentitySettings
from shodhana.runtime.application import Application

from tests.oidc.browser import Browser
from tests.oidc.provider import RunningProvider, running_provider

SITE = "https://app.example"
ADMIN_SECRET = "secret-of-the-tests"
VIEWER_SECRET = "another-of-the-tests"


@dataclass
class Identity:
    """A running service and what was handed to it."""

    channel: grpc.aio.Channel
    folder: Path
    pages_port: int = 0

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
def start_identity(postgres_database: Any, tmp_path: Path, until: Any) -> Callable[..., Any]:
    """Starts a service that took over an administrator and a viewer: `async with start_identity(…) as identity`."""

    @asynccontextmanager
    async def start(**settings: Any) -> AsyncIterator[Identity]:
        handed = [
            {"client_id": "local-admin", "client_secret": ADMIN_SECRET, "roles": ["admin"]},
            {"client_id": "local-viewer", "client_secret": VIEWER_SECRET, "roles": ["viewer"]},
        ]
        (tmp_path / "accounts.json").write_text(json.dumps(handed))
        chosen = IdentitySettings(
            database_url=postgres_database.role_url("identity"),
            service_accounts_path=tmp_path / "accounts.json",
            signing_key_path=tmp_path / "key.json",
            jwks_path=tmp_path / "jwks.json",
            pool_min=1,
            pool_max=5,
            drain_s=0,
            stop_grace_s=0.2,
            **settings,
        )
        async with AsyncExitStack() as stack:
            application = Application(chosen, stack)
            served = await register(application, chosen)
            port = await application.start()
            stack.push_async_callback(application.drain)
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{port}"))
            found = Identity(channel, tmp_path, served.pages_port)
            await until(lambda: succeeds(found.issue("local-viewer", VIEWER_SECRET)))
            yield found

    return start


@pytest.fixture
async def identity(start_identity: Any) -> AsyncIterator[Identity]:
    """One without pages."""
    async with start_identity() as found:
        yield found


@pytest.fixture(scope="package")
def provider() -> Iterator[RunningProvider]:
    with running_provider(f"{SITE}/auth/callback") as running:
        yield running


@pytest.fixture
async def vault(redis_server: Any) -> AsyncIterator[redis.asyncio.Redis]:
    client = redis.asyncio.Redis.from_url(redis_server.url)
    yield client
    if left := [name async for name in client.scan_iter("identity:*")]:
        await client.delete(*left)  # the next test's users have the same numbers
    await client.aclose()


@pytest.fixture
def start(start_identity: Any, provider: RunningProvider, redis_server: Any, vault: redis.asyncio.Redis) -> Any:
    """Starts identity with pages: `async with start(session_idle_s=1) as (identity, new_browser)`."""

    @asynccontextmanager
    async def start(**settings: Any) -> AsyncIterator[Any]:
        told = {name.lower(): value for name, value in provider.environment.items()}
        pages = {"auth_listen_address": "127.0.0.1:0", "public_url": SITE, "redis_url": redis_server.url}
        async with start_identity(**{**told, **pages, **settings}) as identity:
            base_url = f"http://127.0.0.1:{identity.pages_port}"
            async with httpx.AsyncClient(base_url=base_url, timeout=20) as client:
                yield identity, lambda: Browser(SITE, client)

    return start


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
