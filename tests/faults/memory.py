"""What each process holds over time, and whether that is flat."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import psutil
from shodhana.stack.parts import PartState
from shodhana.stack.vitals import vitals_of

from tests.faults.world import World

WARM_S = 60.0
"""Of a process's life: until then it imports, connects and fills what it keeps."""
LEAST_S = 60.0
"""Shorter watched, growth says nothing."""
AROUND = 3
MEGABYTE = 1_000_000
MAY_GROW_MB = 10.0
MAY_GROW_SHARE = 0.05
"""Together: a leak of 1 kB a call is six times as much after ten minutes at 100 calls a second."""
MAY_FILL_MB = {"postgres": 150.0, "redis-cache": 60.0}
"""Shared buffers of 128 MB, and a cache of at most 256 MB, are there to be filled."""


@dataclass(slots=True)
class Life:
    """One process of a part, from its first sight."""

    part: str
    pid: int
    began: float
    samples: list[tuple[float, float]] = field(default_factory=list)
    """Seconds since `began`, megabytes."""

    @property
    def warm(self) -> list[float]:
        return [megabytes for at_s, megabytes in self.samples if at_s >= WARM_S]

    @property
    def is_long(self) -> bool:
        return len(self.warm) > 2 * AROUND and self.samples[-1][0] - WARM_S >= LEAST_S

    @property
    def first_mb(self) -> float:
        return statistics.median(self.warm[:AROUND])

    @property
    def last_mb(self) -> float:
        return statistics.median(self.warm[-AROUND:])

    @property
    def may_grow_mb(self) -> float:
        return MAY_FILL_MB.get(self.part, MAY_GROW_MB) + MAY_GROW_SHARE * self.first_mb

    @property
    def is_flat(self) -> bool:
        return self.last_mb - self.first_mb <= self.may_grow_mb


class MemoryWatch:
    """Samples every process of a world; a process that was started anew begins a life of its own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lives: dict[int, Life] = {}

    def sample(self) -> None:
        now = time.monotonic()
        parts = [PartState(part["name"], pid=part["pid"]) for part in self._world.parts() if part["pid"]]
        vitals = vitals_of(parts)
        for part in parts:
            if part.pid is not None and (held := vitals.get(part.name)):
                life = self._lives.setdefault(part.pid, Life(part.name, part.pid, now))
                life.samples.append((now - life.began, held.memory_bytes / MEGABYTE))

    def longest(self) -> Iterable[Life]:
        """Of each part the process that was watched longest."""
        found: dict[str, Life] = {}
        for life in self._lives.values():
            if life.part not in found or len(life.samples) > len(found[life.part].samples):
                found[life.part] = life
        return found.values()


def cores_of(world: World, seconds: float) -> float:
    """Cores that the mesh, its stores and this process use, over a while."""
    before, began = _cpu_s(world), time.monotonic()
    time.sleep(seconds)
    after = _cpu_s(world)
    return sum(after[pid] - before.get(pid, 0.0) for pid in after) / (time.monotonic() - began)


def _cpu_s(world: World) -> dict[int, float]:
    used: dict[int, float] = {}
    for pid in [os.getpid(), *(part["pid"] for part in world.parts() if part["pid"])]:
        try:
            program = psutil.Process(pid)
            family = [program] if pid == os.getpid() else [program, *program.children(recursive=True)]
            for process in family:
                times = process.cpu_times()
                used[process.pid] = times.user + times.system
        except psutil.Error:
            continue
    return used
