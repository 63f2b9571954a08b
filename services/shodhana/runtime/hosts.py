"""Hosts of a database URL, of which one takes writes: found at each connection, and left when another does."""

from __future__ import annotations

import asyncio
import logging
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakSet

import asyncpg
from asyncpg.connect_utils import SessionAttribute

ONLY_READS = "SELECT current_setting('transaction_read_only')::boolean"
HOST_TIMEOUT_S = 1.5
"""To connect to one of several: one that hangs leaves time for the next."""
LOOK_INTERVAL_S = 0.5
HANGS_AFTER_S = 5.0
FAULTS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
"""What a server that is away, or in the wrong state, makes of a connection or a query."""
_log = logging.getLogger(__name__)  # the image of the migrations has no other


class Hosts:
    """Connects a pool to whichever host takes writes.

    asyncpg knows URLs of several hosts itself, but has one time for all: where the first hangs it comes to no other.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        login, _, hosts = parts.netloc.rpartition("@")
        self._urls = [parts._replace(netloc=f"{login}@{host}").geturl() for host in hosts.split(",")]
        self._opened: dict[str, WeakSet[asyncpg.Connection]] = {url: WeakSet() for url in self._urls}

    async def connect(self, *_url: str, **options: Any) -> asyncpg.Connection:
        """In the place of `asyncpg.connect`; the host found last is asked first. Raises as the last one asked does."""
        options |= {"timeout": HOST_TIMEOUT_S, "target_session_attrs": SessionAttribute.read_write}
        failure: Exception | None = None
        for url in tuple(self._urls):
            try:
                connection: asyncpg.Connection = await asyncpg.connect(url, **options)
            except FAULTS as error:
                failure = error
            else:
                self._urls.sort(key=lambda known: known != url)
                self._opened[url].add(connection)
                return connection
        raise failure or OSError("the URL names no host")

    @property
    def last_found(self) -> str:
        """The URL of the host that took writes when it was last looked for."""
        return self._urls[0]

    async def follow(self) -> None:
        """Ends all connections to a host that is not the primary any more, or that hangs; until cancelled.

        Looks through a connection of its own: those of the pool may all be in use.
        """
        while True:
            await asyncio.sleep(LOOK_INTERVAL_S)
            try:
                connection = await self.connect()
            except FAULTS:
                continue
            primary, *others = self._urls
            self._leave(*others)
            try:
                if await _is_lost(connection):
                    self._leave(primary)
            finally:
                connection.terminate()

    def _leave(self, *urls: str) -> None:
        left = [connection for url in urls for connection in self._opened[url] if not connection.is_closed()]
        if left:
            _log.warning("%d connections to a database that is not the primary any more, or hangs", len(left))
        for connection in left:
            connection.terminate()


async def primary_of(url: str) -> str:
    """The URL of the one host that takes writes, for programs that know one only. Raises as `connect` does."""
    if not fails_over(url):
        return url
    hosts = Hosts(url)
    connection = await hosts.connect()
    await connection.close()
    return hosts.last_found


def fails_over(url: str) -> bool:
    """Whether the server behind the URL may become another: it names several hosts, or says that it wants writes."""
    parts = urlsplit(url)
    return "," in parts.netloc or "target_session_attrs=read-write" in parts.query


async def _is_lost(connection: asyncpg.Connection) -> bool:
    """Returns when the server only reads or hangs; False where the connection ends, and with it the others."""
    while True:
        await asyncio.sleep(LOOK_INTERVAL_S)
        try:
            async with asyncio.timeout(HANGS_AFTER_S):
                if await connection.fetchval(ONLY_READS):
                    return True
        except TimeoutError:
            return True
        except FAULTS:
            return False
