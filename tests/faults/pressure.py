"""How much of the time work of this machine waited for a processor, as Linux counts it."""

from __future__ import annotations

import time
from pathlib import Path

COUNTED = Path("/proc/pressure/cpu")
OVERLOADED = 0.9
"""From then on a late answer says something of the machine, and nothing of the mesh."""


class Pressure:
    """From its making to `share`."""

    def __init__(self) -> None:
        self._began, self._waited_s = time.monotonic(), _waited_s()

    @property
    def share(self) -> float:
        """Of the time since, in which something waited: the load alone makes a third; 0 where nobody counts."""
        return min(1.0, (_waited_s() - self._waited_s) / max(0.001, time.monotonic() - self._began))


def _waited_s() -> float:
    try:
        some = COUNTED.read_text().splitlines()[0]
    except OSError:
        return 0.0
    return int(some.rpartition("total=")[2]) / 1e6
