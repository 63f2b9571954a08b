"""A primary of Postgres and its standby, over a link that can be made slow."""

from __future__ import annotations

import asyncio
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import psutil
from shodhana.stack.migrations import SCHEMAS, migrate, role_of, set_passwords
from shodhana.stack.ports import free_port
from shodhana.stack.postgres import DATABASE, SUPERUSER, EmbeddedPostgres, programs

from tests.conftest import Running, answers, wait_until
from tests.high_availability.link import Link, link_to

STANDBY = "standby"
SYNCHRONOUS = f"ANY 1 ({STANDBY})"
BESIDE = {"wal_receiver_status_interval": "1s", "wal_retrieve_retry_interval": "500ms"}


@dataclass(frozen=True, slots=True)
class Pair:
    """Both, with every migration applied; `password` is every role's."""

    primary: EmbeddedPostgres
    standby: EmbeddedPostgres
    link: Link
    password: str
    processes: tuple[psutil.Process, psutil.Process]

    def url(self, schema: str) -> str:
        """What a service logs in with: both hosts, of which one takes writes."""
        return self._url_of(role_of(schema))

    @property
    def owner_url(self) -> str:
        """The superuser's, of both hosts."""
        return self._url_of(SUPERUSER)

    def _url_of(self, role: str) -> str:
        hosts = f"127.0.0.1:{self.primary.port},127.0.0.1:{self.standby.port}"
        return f"postgresql://{role}:{self.password}@{hosts}/{DATABASE}"

    def standby_url(self, schema: str) -> str:
        return self.standby.url_of(role_of(schema), self.password)

    def set_synchronous(self, names: str = SYNCHRONOUS) -> None:
        """Commits are answered when the standby has them; "" means that they are not."""
        change(self.primary.url, f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
        wait_until(lambda: value(self.primary.url, "SHOW synchronous_standby_names") == names)
        if names:
            wait_until(lambda: value(self.primary.url, "SELECT sync_state FROM pg_stat_replication") == "quorum")

    def kill_primary(self) -> None:
        """Ends it and all its processes at once, and what is on the wire: nobody says goodbye."""
        kill(self.processes[0])
        self.link.cut()

    def promote(self) -> None:
        """What the person on call does."""
        assert value(self.standby.url, "SELECT pg_promote(true, 60)")


def kill(process: psutil.Process) -> None:
    """Kills a server and its children at once."""
    for one in (process, *process.children(recursive=True)):
        one.kill()


def value(url: str, query: str) -> Any:
    """One value of one row."""
    return asyncio.run(_value(url, query))


def change(url: str, setting: str) -> None:
    """Changes a setting of a server and lets it be read again."""
    value(url, setting)
    value(url, "SELECT pg_reload_conf()")


async def _value(url: str, query: str) -> Any:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


@contextmanager
def running_pair(folder: Path) -> Iterator[Pair]:
    """Both run and the standby follows; it is not waited for until `set_synchronous`."""
    folder.chmod(0o755)
    password = secrets.token_urlsafe()
    primary = EmbeddedPostgres(folder / "primary", free_port(), password)
    standby = EmbeddedPostgres(folder / "standby", free_port(), password)
    primary.prepare()
    with ExitStack() as stack:
        first = stack.enter_context(Running(primary.command()))
        wait_until(lambda: answers(primary.url_of(SUPERUSER, password, "postgres")))
        migrate(primary.url)
        asyncio.run(set_passwords(primary.url, dict.fromkeys(SCHEMAS, password)))
        link = stack.enter_context(link_to(primary.port))
        copy(primary, standby)
        follows = f"host=127.0.0.1 port={link.port} user={SUPERUSER} password={password} application_name={STANDBY}"
        second = stack.enter_context(Running(standby.command({**BESIDE, "primary_conninfo": follows})))
        wait_until(lambda: answers(standby.url))
        wait_until(lambda: value(primary.url, "SELECT state FROM pg_stat_replication") == "streaming")
        yield Pair(primary, standby, link, password, (psutil.Process(first.pid), psutil.Process(second.pid)))


def copy(primary: EmbeddedPostgres, standby: EmbeddedPostgres) -> None:
    """Makes the folder of the standby from the running primary."""
    source = urlsplit(primary.url)._replace(path="").geturl()
    arguments = ["--pgdata", str(standby.data), "--dbname", source, "--checkpoint", "fast", "--no-sync"]
    subprocess.run([str(programs() / "pg_basebackup"), *arguments], check=True, capture_output=True)
    (standby.data / "standby.signal").touch()
    standby.adopt()
