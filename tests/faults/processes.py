"""Faults of processes: killed, frozen, frozen for good."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from tests.faults.degradations import spelling_alone
from tests.faults.fault import EVERY_READ, Fault, Inject
from tests.faults.signals import Frozen, send
from tests.faults.world import World

SERVICES = ("embedding", "similarity", "quality", "review", "transcripts", "identity")
NOTICED_S = 5.0
FROM_MEMORY = frozenset({"embedding", "similarity"})
"""Reads that need no Postgres once their service has started."""
REPLACED_S = 40.0
"""A supervisor ends what has been silent for 30 s."""


def processes() -> Iterator[Fault]:
    """Each kind of process, killed and frozen."""
    one_of_two = [*(f"{service}-1" for service in SERVICES), "worker-1"]
    for part in one_of_two:
        yield Fault(f"kill -9 {part}", _killed(part), 0, spares=EVERY_READ)
        yield Fault(f"freeze {part} 4 s", _frozen(part), spares=EVERY_READ)
    yield Fault("freeze similarity-1 for good", _frozen_for_good("similarity-1"), 0, spares=EVERY_READ)
    yield Fault("kill -9 gateway", _killed("gateway"), 0, caller_keeps_time=True)
    yield Fault("freeze gateway 4 s", _frozen("gateway"), caller_keeps_time=True)
    yield Fault("kill -9 postgres", _killed("postgres"), 0, spares=FROM_MEMORY, within_s=30)
    yield Fault("freeze postgres 4 s", _frozen("postgres"), spares=FROM_MEMORY)
    for part in ("redis-cache", "redis-broker"):
        yield Fault(f"kill -9 {part}", _killed(part), 0, spares=EVERY_READ)
        yield Fault(f"freeze {part} 4 s", _frozen(part), spares=EVERY_READ)
    yield Fault(
        "freeze both embedding 4 s", _frozen("embedding"), spares=EVERY_READ - {"embedding"}, check=spelling_alone
    )


def _killed(part: str) -> Inject:
    @asynccontextmanager
    async def inject(world: World) -> AsyncIterator[None]:
        before, [pid] = world.restarts(part), world.owner(part).pids(part)
        send(pid, signal.SIGKILL)
        await _restarted(world, part, before, NOTICED_S)
        yield

    return inject


def _frozen(part: str) -> Inject:
    @asynccontextmanager
    async def inject(world: World) -> AsyncIterator[None]:
        with Frozen(world.owner(part), part):
            yield

    return inject


def _frozen_for_good(part: str) -> Inject:
    @asynccontextmanager
    async def inject(world: World) -> AsyncIterator[None]:
        before, [pid] = world.restarts(part), world.owner(part).pids(part)
        send(pid, signal.SIGSTOP)
        await _restarted(world, part, before, REPLACED_S)
        yield

    return inject


async def _restarted(world: World, part: str, before: int, seconds: float) -> None:
    """Returns when the supervisor has noticed. Raises AssertionError."""
    ends_at = time.monotonic() + seconds
    while world.restarts(part) == before:
        assert time.monotonic() < ends_at, f"the supervisor has not noticed within {seconds:g} s"
        await asyncio.sleep(0.02)
