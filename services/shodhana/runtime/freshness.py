"""How old a standby's picture of the primary is at most."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

PAGE_BYTES = 8192
HEADER_BYTES = 40  # of a page of the log, at most


@dataclass(frozen=True, slots=True)
class Position:
    """How far a server's log goes; positions of two timelines cannot be compared."""

    timeline: int
    byte: int

    @property
    def end(self) -> int:
        """Where the last record ends: on a fresh page the primary names the place behind the header."""
        into_page = self.byte % PAGE_BYTES
        return self.byte - into_page if into_page <= HEADER_BYTES else self.byte


class Freshness:
    """Compares what the standby has replayed with where the primary was at known moments.

    The time of the last commit would not do: a primary that rests has an old one, and a standby that hangs while
    nothing is written is as fresh as can be.
    """

    def __init__(self, remembered_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._remembered_s = remembered_s
        self._clock = clock
        self._timeline = 0
        self._marks: deque[tuple[float, int]] = deque()

    def note_primary(self, asked_at: float, position: Position) -> None:
        """The primary was there, or further, when it was asked."""
        if position.timeline != self._timeline:
            self._marks.clear()
            self._timeline = position.timeline
        self._marks.append((asked_at, position.end))
        while self._marks[0][0] < asked_at - self._remembered_s:
            self._marks.popleft()

    def lag_s(self, replayed: Position | None) -> float:
        """Everything older than this a standby has replayed that is so far; infinite where that is not known."""
        if replayed is None or replayed.timeline != self._timeline:
            return math.inf
        as_of = (moment for moment, end in reversed(self._marks) if end <= replayed.end)
        return self._clock() - next(as_of, -math.inf)
