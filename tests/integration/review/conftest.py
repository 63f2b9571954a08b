"""The queue over a real Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from shodhana.review.adapters.postgres_figures import PostgresFigures
from shodhana.review.adapters.postgres_queue import PostgresQueue
from shodhana.runtime.postgres import open_pool
from shodhana.runtime.settings import RuntimeSettings

HOUR_S = 3600.0


@pytest.fixture
async def pool(postgres_database: Any) -> AsyncIterator[asyncpg.Pool]:
    settings = RuntimeSettings(database_url=postgres_database.role_url("review"), pool_min=1, pool_max=20)
    async with open_pool(settings, "review") as opened:
        yield opened


@pytest.fixture
def queue(pool: asyncpg.Pool) -> PostgresQueue:
    return PostgresQueue(pool, sla_s=HOUR_S)


@pytest.fixture
def figures(pool: asyncpg.Pool) -> PostgresFigures:
    return PostgresFigures(pool)
