"""Free ports of the loopback interface."""

from __future__ import annotations

import secrets
import socket
import zlib
from collections.abc import Iterable
from pathlib import Path

LOOPBACK = "127.0.0.1"
SINGLE = range(11_000, 20_000)
FIRST, BLOCK, BLOCKS = 20_000, 60, 200
"""Both below the kernel's range for outgoing connections: what is free now still is when a program takes it."""


def free_port(preferred: int | None = None) -> int:
    """`preferred` where nobody listens on it, else any port that is free now."""
    first = secrets.randbelow(len(SINGLE))  # not from `random`, which tests seed alike
    candidates: list[int] = [*([] if preferred is None else [preferred]), *SINGLE[first:], *SINGLE[:first]]
    for port in candidates:
        if _is_free(port):
            return port
    raise OSError("no port is free on the loopback interface")


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections just closed do no harm
        try:
            listener.bind((LOOPBACK, port))
            listener.listen()
        except OSError:
            return False
        return True


def allot(names: Iterable[str], directory: Path) -> dict[str, int]:
    """A free port for each name, from a block that depends on the directory.

    The same directory gets the same ports at each start, and two stacks that start at once different ones.
    """
    start = FIRST + zlib.crc32(str(directory).encode()) % BLOCKS * BLOCK
    candidates = iter(range(start, FIRST + BLOCK * BLOCKS * 2))
    return {name: next(filter(_is_free, candidates)) for name in names}
