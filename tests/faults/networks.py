"""Faults of the network between the services and their stores, and before the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager

from tests.faults.degradations import (
    corrected_without_cache,
    jobs_wait_in_postgres,
    only_cached_reads,
)
from tests.faults.fault import EVERY_READ, Fault, Inject
from tests.faults.processes import FROM_MEMORY
from tests.faults.proxy import Wire
from tests.faults.world import World

SLOW_S = 0.2
CUTS, CUT_EVERY_S = 8, 0.4
OUTAGE_S = 8.0


def networks() -> Iterator[Fault]:
    """Slow, cut and silent, for each store; then for the callers."""
    spared = {"postgres": FROM_MEMORY, "cache": EVERY_READ, "broker": EVERY_READ}
    checks = {"postgres": only_cached_reads, "cache": corrected_without_cache, "broker": jobs_wait_in_postgres}
    for store, spares in spared.items():
        yield Fault(f"{store} 200 ms away", _on(store, lambda wire: wire.slow(SLOW_S)), spares=spares)
        yield Fault(
            f"{store} refuses {OUTAGE_S:g} s", _on(store, Wire.refusing), OUTAGE_S, spares=spares, check=checks[store]
        )
        yield Fault(f"{store} silent {OUTAGE_S:g} s", _on(store, Wire.silent), OUTAGE_S, spares=spares)
        yield Fault(
            f"{store} silent, its connections for good",
            _on(store, lambda wire: wire.silent(for_good=True)),
            spares=spares,
            within_s=45,
        )
    yield Fault("callers are cut off, 8 times", _cut_often, 0, through_proxy=True)
    yield Fault("callers hear nothing 4 s", _on("gateway", Wire.silent), through_proxy=True, caller_keeps_time=True)


def _on(name: str, fault: Callable[[Wire], AbstractContextManager[None]]) -> Inject:
    @asynccontextmanager
    async def inject(world: World) -> AsyncIterator[None]:
        with fault(world.wires[name]):
            yield

    return inject


@asynccontextmanager
async def _cut_often(world: World) -> AsyncIterator[None]:
    """Answers of writes that were done get lost on their way."""
    for _ in range(CUTS):
        world.wires["gateway"].reset_now()
        await asyncio.sleep(CUT_EVERY_S)
    yield
