"""Free ports of the loopback interface."""

from __future__ import annotations

import socket
import zlib
from collections.abc import Iterable
from pathlib import Path

LOOPBACK = "127.0.0.1"
FIRST, BLOCK, BLOCKS = 20_000, 60, 200
"""Below the kernel's range for outgoing connections: a program that starts again finds its own port free."""


def free_port(preferred: int = 0) -> int:
    """`preferred` where nobody listens on it, else any port that is free now."""
    for port in (preferred, 0):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections just closed do no harm
            try:
                listener.bind((LOOPBACK, port))
                listener.listen()
            except OSError:
                continue
            found: int = listener.getsockname()[1]
            return found
    raise OSError("no port is free on the loopback interface")


def allot(names: Iterable[str], directory: Path) -> dict[str, int]:
    """A free port for each name, from a block that depends on the directory.

    The same directory gets the same ports at each start, and two stacks that start at once different ones.
    """
    start = FIRST + zlib.crc32(str(directory).encode()) % BLOCKS * BLOCK
    candidates = iter(range(start, FIRST + BLOCK * BLOCKS * 2))
    return {name: next(port for port in candidates if free_port(port) == port) for name in names}
