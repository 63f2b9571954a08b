"""Files that arrive over a day and wait for workers: a simulation, event by event.

Arrivals are Poisson with a rate that follows the day (a publisher uploads in the evening, nobody at night). Each file
takes a worker as long as its correction takes; times vary as the lengths and vocabularies of talks do (log-normal).
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

DAY_S = 86_400.0
BUSIEST_OVER_MEAN = 3.0
SPREAD = 0.7
"""Standard deviation of the logarithm of a file's time: the development talks lie within a factor of four."""
MOST_WAIT_S = 300.0


@dataclass(frozen=True, slots=True)
class Day:
    """A day's files; the busiest hour brings three times the mean."""

    files: float

    @property
    def busiest_per_s(self) -> float:
        return BUSIEST_OVER_MEAN * self.files / DAY_S

    def rate(self, at_s: float) -> float:
        """Files a second: highest at 20 h, almost none twelve hours before."""
        height = (1 + math.cos(2 * math.pi * (at_s / DAY_S - 20 / 24))) / 2
        sharpness = 2.6  # the mean of the curve is then a third of its height
        return self.busiest_per_s * height**sharpness

    def arrivals(self, chance: random.Random) -> Iterator[float]:
        """Seconds of the day at which files come."""
        at_s = 0.0
        while (at_s := at_s + chance.expovariate(self.busiest_per_s)) < DAY_S:
            if chance.random() * self.busiest_per_s < self.rate(at_s):
                yield at_s


@dataclass(frozen=True, slots=True)
class Workers:
    """So many, and how long 95 of 100 files wait at most."""

    count: int
    wait_p95_s: float


def workers_needed(day: Day, service_s: float, seed: int = 1) -> Workers:
    """The least number of workers with which 95 of 100 files wait less than MOST_WAIT_S."""
    count = max(1, math.ceil(day.files / DAY_S * service_s))
    while (wait_s := wait_p95(day, service_s, count, seed)) > MOST_WAIT_S:
        count += 1
    return Workers(count, wait_s)


def wait_p95(day: Day, service_s: float, count: int, seed: int) -> float:
    """Seconds, from one simulated day."""
    chance = random.Random(seed)
    shift = math.log(service_s) - SPREAD**2 / 2
    free_at = [0.0] * count
    waits = []
    for at_s in day.arrivals(chance):
        begins = max(at_s, heapq.heappop(free_at))
        waits.append(begins - at_s)
        heapq.heappush(free_at, begins + chance.lognormvariate(shift, SPREAD))
    return sorted(waits)[int(0.95 * len(waits))] if waits else 0.0
