"""Steady load for minutes while random processes are killed: nothing lost, nothing doubled, memory flat."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field

import psutil

from tests.faults.fault import CUT, HONEST
from tests.faults.ledger import Audit
from tests.faults.load import REST, Load, load
from tests.faults.matrix import HEALTHY_S, LATE_S, audited
from tests.faults.memory import Life, MemoryWatch, cores_of
from tests.faults.pressure import OVERLOADED, Pressure
from tests.faults.signals import send
from tests.faults.world import World, wait_until_healthy

SHARE = 0.7
KILL_EVERY_S = 20.0
SAMPLE_EVERY_S = 5.0
TRIAL_S = 8.0
STEPS = 4
REST_S, AT_REST = 90.0, 0.5
"""A mesh that has just begun computes the vectors of its lexicon for a while."""
MOST = 12.0
"""Rate beyond which the calls themselves would need a machine of their own."""


@dataclass(slots=True)
class Soak:
    """What came of it."""

    minutes: float
    rate: float
    cores: float
    """Used by everything together, at that rate."""
    cpu_wait: float = 0.0
    """Share of the time in which work of this machine waited for a processor."""
    kills: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)


async def run_soak(world: World, minutes: float) -> Soak:
    """Finds the rate, keeps it up, prints a report."""
    await asyncio.to_thread(wait_until_healthy, world, HEALTHY_S)
    rate, cores = await _find_rate(world)
    soak = Soak(minutes, rate, cores)
    share = cores / (psutil.cpu_count() or 1)
    print(f"rate {rate:.1f}: {cores:.2f} cores, {share:.0%} of this machine; {minutes:g} minutes begin", flush=True)
    watch, pressure = MemoryWatch(world), Pressure()
    async with load(world.mesh.profile, rate) as calls:
        calls.begin()
        killing = asyncio.create_task(_kill(world, soak))
        ends_at = time.monotonic() + 60 * minutes
        while time.monotonic() < ends_at:
            await asyncio.to_thread(watch.sample)
            await asyncio.sleep(SAMPLE_EVERY_S)
        killing.cancel()
        await asyncio.gather(killing, return_exceptions=True)
        soak.cpu_wait = pressure.share
        await asyncio.to_thread(wait_until_healthy, world, HEALTHY_S)
        await calls.end()
        _report(soak, calls, await audited(world, calls), list(watch.longest()))
    return soak


async def _find_rate(world: World) -> tuple[float, float]:
    """The rate that takes SHARE of all cores, and what it takes; found step by step, from a mesh at rest."""
    ends_at = time.monotonic() + REST_S
    while await asyncio.to_thread(cores_of, world, TRIAL_S / 2) > AT_REST and time.monotonic() < ends_at:
        pass
    wanted, rate = SHARE * (psutil.cpu_count() or 1), 1.0
    for step in range(1, STEPS + 1):
        async with load(world.mesh.profile, rate) as calls:
            calls.begin()
            await asyncio.sleep(1)
            cores = await asyncio.to_thread(cores_of, world, TRIAL_S)
            await calls.end()
        if abs(cores - wanted) < 0.05 * wanted or step == STEPS:
            break
        rate = min(MOST, rate * min(3.0, max(0.5, wanted / max(0.01, cores))))
    return rate, cores


async def _kill(world: World, soak: Soak) -> None:
    """One process after another, any of them, whatever state the rest is in."""
    while True:
        await asyncio.sleep(random.uniform(0.5, 1.5) * KILL_EVERY_S)
        part = random.choice([found for found in world.parts() if found["pid"]])
        soak.kills[part["name"]] += 1
        send(part["pid"], signal.SIGKILL)


def _report(soak: Soak, calls: Load, found: Audit, lives: list[Life]) -> None:
    ledger, killed = calls.ledger, sum(soak.kills.values())
    late = max((call for call in ledger.calls if call.kind != REST), key=lambda call: call.took_s - call.deadline_s)
    over_s = max(0.0, late.took_s - late.deadline_s)
    print(f"killed {killed}: {', '.join(f'{name} {count}' for name, count in soak.kills.most_common())}")
    print(f"calls {len(ledger.calls):,}, of which failed {len(ledger.failed):,}: {dict(ledger.codes().most_common())}")
    print(
        f"decisions {len(ledger.decisions):,}, job files {len(ledger.jobs):,}, worst over its deadline {over_s:.3f} s"
    )
    print(f"lost {len(found.lost) + found.open_files}, doubled {len(found.doubled)}")
    print(f"{'memory of':<18}{'watched s':>10}{'begin MB':>10}{'end MB':>9}{'growth':>8}{'may grow':>10}")
    for life in sorted(lives, key=lambda life: life.part):
        _tell(soak, life)
    odd = {call.code for call in ledger.failed} - HONEST - CUT
    soak.broken += [f"lost: {found.lost[:5]} {found.open_files} open"] if found.lost or found.open_files else []
    soak.broken += [f"doubled: {found.doubled[:5]}"] if found.doubled else []
    if over_s > LATE_S:
        told = f"past its deadline by {over_s:.2f} s: {late.kind} {late.code}"
        print(f"noted, on an overloaded machine: {told}") if soak.cpu_wait > OVERLOADED else soak.broken.append(told)
    soak.broken += [f"failed with {sorted(odd)}"] if odd else []
    print("; ".join(soak.broken) or "every invariant held", flush=True)


def _tell(soak: Soak, life: Life) -> None:
    watched_s = life.samples[-1][0] if life.samples else 0.0
    if not life.is_long:
        print(f"{life.part:<18}{watched_s:>10.0f}   lived too short to tell")
        return
    growth = life.last_mb - life.first_mb
    print(
        f"{life.part:<18}{watched_s:>10.0f}{life.first_mb:>10.0f}{life.last_mb:>9.0f}{growth:>+8.1f}"
        f"{life.may_grow_mb:>10.1f}"
    )
    if not life.is_flat:
        soak.broken.append(f"memory of {life.part} grew by {growth:.0f} MB")
