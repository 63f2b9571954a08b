"""Tells the database on whose behalf it writes, for the audit log that its triggers keep (docs/adr/0022)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from .auth import principal
from .postgres import Connection


@asynccontextmanager
async def transaction_of_caller(pool: asyncpg.Pool) -> AsyncIterator[Connection]:
    """A transaction on behalf of the caller of the present RPC; outside of one, of the service itself."""
    async with pool.acquire() as connection, connection.transaction():
        if principal().subject:
            await act_for(connection, principal().subject)
        yield connection


async def act_for(connection: Connection, actor: str) -> None:
    """From here on this transaction is on behalf of `actor` ("users/7")."""
    await connection.execute("SELECT set_config('shodhana.actor', $1, true)", actor)
