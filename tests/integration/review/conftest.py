"""The queue over a real Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import pytest
from shodhana.identity.adapters.key_files import KeyFileSigner
from shodhana.identity.domain.roles import permissions_of
from shodhana.review.__main__ import PLANS, register
from shodhana.review.adapters.postgres_figures import PostgresFigures
from shodhana.review.adapters.postgres_queue import PostgresQueue
from shodhana.review.settings import ReviewSettings
from shodhana.runtime.application import Application
from shodhana.runtime.postgres import open_pool
from shodhana.runtime.settings import RuntimeSettings

from tests.integration.review.calls import EXPERT, Stub, WithToken, claims

HOUR_S = 3600.0


@pytest.fixture
async def pool(postgres_database: Any) -> AsyncIterator[asyncpg.Pool]:
    settings = RuntimeSettings(database_url=postgres_database.role_url("review"), pool_min=1, pool_max=20)
    async with open_pool(settings, "review", PLANS) as opened:
        yield opened


@pytest.fixture
def queue(pool: asyncpg.Pool) -> PostgresQueue:
    return PostgresQueue(pool, sla_s=HOUR_S)


@pytest.fixture
def figures(pool: asyncpg.Pool) -> PostgresFigures:
    return PostgresFigures(pool)


@pytest.fixture
def shares() -> dict[str, float]:
    """Of second reads and of cases with known answers: none, unless a module says otherwise."""
    return {"second_read_share": 0.0, "gold_share": 0.0}


@dataclass(frozen=True, slots=True)
class RunningReview:
    """The service on a port of its own, and what signs the tokens that it takes."""

    port: int
    settings: ReviewSettings
    signer: KeyFileSigner

    def token(
        self, user: str = "users/1", roles: Sequence[str] = EXPERT, permissions: Sequence[str] | None = None
    ) -> str:
        return self.signer.sign(claims(self.settings, user, permissions or sorted(permissions_of(roles))))


@pytest.fixture
async def running(postgres_database: Any, tmp_path: Path, shares: dict[str, float]) -> AsyncIterator[RunningReview]:
    settings = ReviewSettings(
        database_url=postgres_database.role_url("review"),
        jwks_path=tmp_path / "jwks.json",
        pool_min=1,
        pool_max=10,
        drain_s=0,
        stop_grace_s=0.2,
        sweep_s=0.1,
        **shares,
    )
    signer = KeyFileSigner(tmp_path / "key.json", settings.jwks_path)
    async with AsyncExitStack() as stack:
        application = Application(settings, stack)
        await register(application, settings)
        port = await application.start()
        stack.push_async_callback(application.drain)
        yield RunningReview(port, settings, signer)


@pytest.fixture
async def stub(running: RunningReview) -> AsyncIterator[Stub]:
    """Makes a stub for a user with roles, or with the permissions given."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{running.port}") as channel:
        yield lambda *who, **more: WithToken(channel, running.token(*who, **more))
