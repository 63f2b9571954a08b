"""Brings the database up to date: migrations by dbmate, passwords of the services' roles by us."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import asyncpg

from shodhana.runtime.hosts import FAULTS, fails_over, primary_of

from .places import MIGRATIONS

SCHEMAS = ("identity", "similarity", "quality", "transcripts", "review")


class MigrationFailed(RuntimeError):
    """dbmate refused; its words are the message."""


def migrate(database_url: str) -> None:
    """Applies the migrations that are missing. Raises MigrationFailed."""
    url = _primary(database_url) if fails_over(database_url) else database_url
    if "sslmode" not in url:
        url += f"{'&' if '?' in url else '?'}sslmode=disable"
    dbmate = Path(sys.executable).parent / "dbmate"
    command = [str(dbmate), "--migrations-dir", str(MIGRATIONS), "--no-dump-schema", "--wait", "up"]
    done = subprocess.run(command, env={"DATABASE_URL": url}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise MigrationFailed(done.stderr.strip() or done.stdout.strip())


def _primary(database_url: str) -> str:
    """dbmate knows no URL of several hosts."""
    try:
        return asyncio.run(primary_of(database_url))
    except FAULTS as error:
        raise MigrationFailed(f"no host of the database takes writes: {type(error).__name__}") from error


def role_of(schema: str) -> str:
    """The role a service logs in with."""
    return f"shodhana_{schema}"


async def set_passwords(database_url: str, passwords: Mapping[str, str]) -> None:
    """Lets each schema's role log in with its password."""
    connection = await asyncpg.connect(await primary_of(database_url))
    try:
        for schema, password in passwords.items():
            quoted = await connection.fetchval("SELECT quote_literal($1::text)", password)
            await connection.execute(f"ALTER ROLE {role_of(schema)} LOGIN PASSWORD {quoted}")
    finally:
        await connection.close()
