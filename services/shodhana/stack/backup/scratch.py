"""Servers for the length of a `with` block: to look into a backup, or to let a restored one recover."""

from __future__ import annotations

import asyncio
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import asyncpg

from ..logs import last_lines
from ..ports import free_port
from ..postgres import DATABASE, SUPERUSER, EmbeddedPostgres
from .errors import ToolFailed

READY_S = 600.0
"""Recovery replays the log before the server answers."""
STOP_S = 60.0
LOOK_AGAIN_S = 0.1
LINES = 15


@contextmanager
def open_folder() -> Iterator[Path]:
    """A temporary folder that the user whom Postgres runs as can pass through."""
    with tempfile.TemporaryDirectory(prefix="shodhana-backup-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


@contextmanager
def fresh_postgres(folder: Path) -> Iterator[EmbeddedPostgres]:
    """A running, empty cluster in `folder`, gone quickly: it does not wait for the disk."""
    server = EmbeddedPostgres(folder / "postgres", free_port(), secrets.token_urlsafe(), volatile=True)
    server.prepare()
    with running_postgres(server):
        yield server


@contextmanager
def running_postgres(server: EmbeddedPostgres) -> Iterator[None]:
    """Runs a prepared cluster; entered when it takes writes. Raises ToolFailed, with the end of its log."""
    maintenance = server.url_of(SUPERUSER, server.password, "postgres")
    log = server.directory / "scratch.log"
    with running(server.command(), log, signal.SIGINT, lambda: _takes_writes(maintenance)):
        yield


@contextmanager
def private_postgres(server: EmbeddedPostgres, role: str, folder: Path) -> Iterator[str]:
    """Runs a cluster whose passwords nobody may know; entered with a role's URL when it takes writes.

    It listens on a socket in `folder` that only the user it runs as, and root, can open. Raises ToolFailed.
    """
    socket, rules = folder / "socket", folder / "pg_hba.conf"
    socket.mkdir(mode=0o700)
    rules.write_text("local all all trust\n")
    for path in (socket, rules):
        server.give_away(path)
    settings = {"listen_addresses": "", "unix_socket_directories": str(socket), "hba_file": str(rules)}
    url = f"postgresql://{quote(role)}@/{DATABASE}?host={quote(str(socket), safe='')}&port={server.port}"
    log = folder / "recovery.log"
    with running(server.command(settings), log, signal.SIGINT, lambda: _takes_writes(url)):
        yield url


@contextmanager
def running(
    command: list[str], log: Path, stop: signal.Signals, is_ready: Callable[[], Coroutine[None, None, bool]]
) -> Iterator[None]:
    """Raises ToolFailed where the program ends, or is not ready in time."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        ends_at = time.monotonic() + READY_S
        while not asyncio.run(is_ready()):
            if process.poll() is not None or time.monotonic() > ends_at:
                raise ToolFailed(f"the server did not start:\n{last_lines(log, LINES)}")
            time.sleep(LOOK_AGAIN_S)
        yield
    finally:
        process.send_signal(stop)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def _takes_writes(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url, timeout=2)
    except (OSError, asyncpg.PostgresError, TimeoutError):
        return False
    try:
        return not await connection.fetchval("SELECT pg_is_in_recovery()")
    except asyncpg.PostgresError:
        return False
    finally:
        await connection.close()
