"""Runs faults under load, one after another, and holds each to the invariants."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from shodhana_client import ShodhanaError

from tests.faults.fault import CUT, HONEST, NOTHING, Fault, Skipped
from tests.faults.ledger import Audit, Call, audit
from tests.faults.load import ALL_KINDS, REST, Load, load
from tests.faults.pressure import OVERLOADED, Pressure
from tests.faults.reads import READS
from tests.faults.world import World, wait_until_healthy

LATE_S = 0.25
"""What a call may take beyond its deadline."""
LATE = frozenset({"DEADLINE_EXCEEDED", "HTTP 504", "TimeoutError"})
WARM_S, AFTER_S = 1.0, 1.0
FILES_S = 120.0
"""How long acknowledged files may take to their end: a lease of 30 s, and a bell that is rung again after 20 s."""
HEALTHY_S = 90.0
HEAD = (
    f"{'fault':<44}{'calls':>6}{'failed':>8}{'worst over ms':>15}{'lost':>6}{'doubled':>9}{'recovered s':>13}"
    f"{'cpu wait':>10}  verdict"
)


@dataclass(slots=True)
class Row:
    """What came of one fault."""

    name: str
    calls: int = 0
    failed: int = 0
    worst_over_ms: float = 0.0
    lost: int = 0
    doubled: int = 0
    recovered_s: float = 0.0
    broken: list[str] = field(default_factory=list)
    """Invariants that did not hold."""
    notes: list[str] = field(default_factory=list)
    """What would be one on a machine that is not overloaded."""
    cpu_wait: float = 0.0
    """Share of the time in which work of this machine waited for a processor."""
    skipped: str = ""
    codes: str = ""
    """Failures by kind and code."""

    def line(self) -> str:
        if self.skipped:
            return f"{self.name:<44}{'skipped: ' + self.skipped:>57}"
        over = f"{self.worst_over_ms:,.0f}" if self.worst_over_ms > 0 else "–"
        verdict = "; ".join(self.broken) or "; ".join(["ok", *self.notes])
        return (
            f"{self.name:<44}{self.calls:>6,}{self.failed:>8,}{over:>15}{self.lost:>6}{self.doubled:>9}"
            f"{self.recovered_s:>13.1f}{self.cpu_wait:>10.0%}  {verdict}"
        )


async def run_matrix(world: World, faults: Iterable[Fault]) -> list[Row]:
    """Every row, printed as it ends."""
    rows = []
    print(HEAD, flush=True)
    for fault in faults:
        rows.append(await run_fault(world, fault))
        print(rows[-1].line(), flush=True)
        if rows[-1].broken:
            print(f"    {rows[-1].codes}", flush=True)
    return rows


async def run_fault(world: World, fault: Fault) -> Row:
    """One fault under load, from a healthy mesh to a healthy mesh."""
    await asyncio.to_thread(wait_until_healthy, world, HEALTHY_S)
    row = Row(fault.name)
    profile = world.through_proxy if fault.through_proxy else world.mesh.profile
    async with load(profile, on_one_connection=fault.caller_keeps_time) as calls:
        await _warm(calls)
        pressure = Pressure()
        calls.begin()
        try:
            await asyncio.sleep(WARM_S)
            row.broken += await _suffer(world, fault, calls)
            row.recovered_s = await _recovery_s(world, calls, fault.within_s)
            await asyncio.sleep(AFTER_S)
        except Skipped as skipped:
            row.skipped = str(skipped)
        except AssertionError as error:
            row.broken.append(_first_line(error))
        finally:
            await calls.end()
        row.cpu_wait = pressure.share
        _judge(row, fault, calls, await audited(world, calls))
    return row


async def _warm(calls: Load) -> None:
    """The first call of each kind opens a connection and asks for a token."""
    for _ in range(2):
        for service in READS:
            await calls.read(service)
        await calls.read_rest()
    calls.ledger.calls.clear()


async def _suffer(world: World, fault: Fault, calls: Load) -> list[str]:
    """Does the fault, and undoes it; what did not hold meanwhile."""
    broken = []
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(fault.inject(world))
        ends_at = time.monotonic() + fault.hold_s
        if fault.check is not None:
            try:
                await fault.check(world, calls)
            except AssertionError as error:
                broken.append(_first_line(error))
            except ShodhanaError as error:
                broken.append(f"{error.code.name}: {error.message}")
        await asyncio.sleep(max(0.0, ends_at - time.monotonic()))
    return broken


async def _recovery_s(world: World, calls: Load, within_s: float) -> float:
    """Seconds until every process is healthy and each kind of read is answered. Raises AssertionError."""
    began = time.monotonic()
    await asyncio.to_thread(wait_until_healthy, world, within_s)
    for service in (*READS, REST):
        while not (await calls.read_rest() if service == REST else await calls.read(service)):
            assert time.monotonic() - began < within_s, f"{service} does not answer after {within_s:g} s"
            await asyncio.sleep(0.05)
    return time.monotonic() - began


async def audited(world: World, calls: Load) -> Audit:
    """The audit, once every acknowledged file has come to its end."""
    ends_at = time.monotonic() + FILES_S
    while True:
        found = await audit(calls.ledger, world.database_url)
        if not found.open_files or time.monotonic() > ends_at:
            return found
        await asyncio.sleep(0.5)


def _judge(row: Row, fault: Fault, calls: Load, found: Audit) -> None:
    ledger = calls.ledger
    kinds = ALL_KINDS - {REST} if fault.caller_keeps_time else ALL_KINDS
    row.calls, row.failed = len(ledger.calls), len(ledger.failed)
    row.worst_over_ms = 1000 * ledger.worst_over_s(kinds)
    row.codes = ", ".join(f"{what} {count}" for what, count in ledger.codes().most_common())
    row.lost, row.doubled = len(found.lost) + found.open_files, len(found.doubled)
    if row.skipped:
        return
    is_overloaded = row.cpu_wait > OVERLOADED
    if late := {call.kind for call in ledger.calls if call.kind in kinds and call.took_s - call.deadline_s > LATE_S}:
        (row.notes if is_overloaded else row.broken).append(f"past its deadline: {', '.join(sorted(late))}")
    if row.lost:
        row.broken.append(f"lost: {', '.join(found.lost[:3])} {found.open_files} files open")
    if row.doubled:
        row.broken.append(f"doubled: {', '.join(found.doubled[:3])}")
    if spared := [call for call in ledger.failed if call.kind in fault.spares]:
        told = ", ".join(f"{kind} {code} {count}" for (kind, code), count in _counted(spared).items())
        is_late_alone = all(call.code in LATE for call in spared)
        notes = row.notes if is_overloaded and is_late_alone else row.broken
        notes.append(f"failed, though another replica stands: {told}")
    allowed = (
        HONEST
        | (LATE if is_overloaded else NOTHING)
        | (CUT if fault.through_proxy or fault.caller_keeps_time else NOTHING)
    )
    if odd := {(call.kind, call.code, call.message[:60]) for call in ledger.failed if call.code not in allowed}:
        row.broken.append(f"failed with {sorted(odd)[:3]}")


def _counted(calls: list[Call]) -> Counter[tuple[str, str]]:
    return Counter((call.kind, call.code) for call in calls)


def _first_line(error: AssertionError) -> str:
    return str(error).partition("\n")[0] or "an assertion"
