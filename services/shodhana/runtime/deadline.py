"""The time the caller of the present RPC has left, handed on to what the RPC calls."""

from __future__ import annotations

import time
from contextvars import ContextVar

MARGIN_S = 0.020  # kept for the way back
_ends_at: ContextVar[float | None] = ContextVar("deadline", default=None)


def begin(remaining_s: float | None) -> None:
    """Notes the time the caller gave; None: as long as it takes."""
    _ends_at.set(None if remaining_s is None else time.monotonic() + remaining_s)


def remaining_s() -> float | None:
    """Seconds left for calls of our own: the caller's, less 20 ms; None without a deadline. May be negative."""
    ends_at = _ends_at.get()
    return None if ends_at is None else ends_at - time.monotonic() - MARGIN_S


def budget_s(default_s: float) -> float:
    """The smaller of the caller's remaining time and `default_s`."""
    left = remaining_s()
    return default_s if left is None else min(left, default_s)
