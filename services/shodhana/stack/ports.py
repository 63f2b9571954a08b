"""Free ports of the loopback interface."""

from __future__ import annotations

import socket

LOOPBACK = "127.0.0.1"


def free_port(preferred: int = 0) -> int:
    """`preferred` where nobody listens on it, else any port that is free now."""
    for port in (preferred, 0):
        with socket.socket() as listener:
            try:
                listener.bind((LOOPBACK, port))
            except OSError:
                continue
            found: int = listener.getsockname()[1]
            return found
    raise OSError("no port is free on the loopback interface")
