"""Processes killed and frozen."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import Any


class Frozen:
    """Stops every process of a part of the mesh for the length of a block, and wakes them again."""

    def __init__(self, mesh: Any, name: str) -> None:
        self._pids = mesh.pids(name)

    def __enter__(self) -> None:
        for pid in self._pids:
            send(pid, signal.SIGSTOP)

    def __exit__(self, *_: object) -> None:
        for pid in self._pids:
            send(pid, signal.SIGCONT)


def send(pid: int, number: signal.Signals) -> None:
    """To one that may have ended meanwhile."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
