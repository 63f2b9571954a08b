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
        self._as_of = -math.inf

    def note_primary(self, asked_at: float, position: Position) -> None:
        """The primary was there, or further, when it was asked."""
        if position.timeline != self._timeline:
            self.forget()
            self._timeline = position.timeline
        self._marks.append((asked_at, position.end))
        while self._marks[0][0] < asked_at - self._remembered_s:
            self._marks.popleft()

    def note_standby(self, replayed: Position) -> None:
        """The standby has replayed so much."""
        if replayed.timeline != self._timeline:
            self._as_of = -math.inf
            return
        while self._marks and self._marks[0][1] <= replayed.end:
            self._as_of, _ = self._marks.popleft()

    def forget(self) -> None:
        """What is known is no longer true; nothing is fresh until it is known again."""
        self._marks.clear()
        self._as_of = -math.inf

    @property
    def lag_s(self) -> float:
        """Everything older than this has been replayed; infinite where that is not known."""
        return self._clock() - self._as_of
