"""What a stack is made of: programs that live as long as it does, and steps that are done once on the way."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

Check: TypeAlias = Callable[[], Awaitable[None]]
"""Raises NotReady while the program answers that it is not ready, anything else while it does not answer."""


class NotReady(Exception):
    """The program answers, and says that it cannot work yet."""


@dataclass(frozen=True, slots=True)
class Program:
    """A process to keep running; `prepare` is called before each start."""

    name: str
    command: tuple[str, ...] | Callable[[], tuple[str, ...]]
    """The words; a function where they are known only after `prepare`."""
    check: Check
    needs: frozenset[str] = frozenset()
    """Names of the parts that must be healthy before the first start, and that stop after this one."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to the supervisor's own."""
    prepare: Callable[[], None] | None = None
    port: int | None = None
    metrics_url: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_grace_s: float = 20.0
    answers_while_working: bool = True
    """False: silence is no reason to end it (it has no port)."""

    def words(self) -> tuple[str, ...]:
        """The command as it is run now."""
        return self.command() if callable(self.command) else self.command


@dataclass(frozen=True, slots=True)
class Step:
    """Work done once, between the starts of programs."""

    name: str
    work: Callable[[], Awaitable[None]]
    needs: frozenset[str] = frozenset()


Part: TypeAlias = Program | Step


class Condition(StrEnum):
    """Where a part stands."""

    WAITING = "waiting"
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    RESTARTING = "restarting"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"
    UNWATCHED = "unwatched"
    """It runs, and nobody asks how it does."""


@dataclass(slots=True)
class PartState:
    """What `status` tells of a part."""

    name: str
    condition: Condition = Condition.WAITING
    pid: int | None = None
    port: int | None = None
    metrics_url: str | None = None
    restarts: int = 0
    started_at: float | None = None
    health: str = ""
    """Why it is not healthy, in a few words."""


class PartFailed(Exception):
    """A part did not get healthy; the message says why and shows the end of its log."""


def check_order(parts: tuple[Part, ...]) -> None:
    """Raises ValueError for a name given twice, a need that no part meets, or a circle of needs."""
    names = [part.name for part in parts]
    if len(set(names)) != len(names):
        raise ValueError(f"parts with the same name: {sorted(names)}")
    met: set[str] = set()
    left = {part.name: part.needs for part in parts}
    while left:
        ready = [name for name, needs in left.items() if needs <= met]
        if not ready:
            raise ValueError(
                f"needs that are never met: { {name: sorted(needs - met) for name, needs in left.items()} }"
            )
        met.update(ready)
        for name in ready:
            del left[name]
