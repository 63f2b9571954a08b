"""The drill of a cluster that loses a node: are the cache's answers still right, and how slow does it get?"""

from __future__ import annotations

import asyncio
import hashlib
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from shodhana.runtime.cache import LayeredCache, MemoryCache
from shodhana.runtime.redis import client_of, close

from tests.conftest import wait_until
from tests.high_availability.redises import Cache, clustered_cache

KEYS = 300
LOAD_S = 0.01
"""What a value costs that is not in the cache."""
RECOVERY_S = 60.0


@dataclass(slots=True)
class Phase:
    """Answers before, while or after a node is away."""

    wrong: int = 0
    loaded: int = 0
    times_s: list[float] = field(default_factory=list)

    @property
    def median_ms(self) -> float:
        return 1000 * statistics.median(self.times_s)

    @property
    def worst_ms(self) -> float:
        return 1000 * max(self.times_s)

    @property
    def hit_share(self) -> float:
        return 1 - self.loaded / len(self.times_s)


@dataclass(frozen=True, slots=True)
class Outcome:
    before: Phase
    away: Phase
    after: Phase
    recovered_s: float
    """From the death of the node to a cluster that serves every slot again."""


def lose_a_node() -> Outcome:
    """Values are asked for all the time, an owner of slots dies, its replica takes over."""
    with tempfile.TemporaryDirectory(prefix="shodhana-drill-") as name, clustered_cache(Path(name)) as cluster:
        return asyncio.run(_run(cluster))


async def _run(cluster: Cache) -> Outcome:
    redis = client_of(cluster.url)
    # This process keeps next to nothing itself, so that it is the cluster which is asked.
    asker = Asker(LayeredCache("drill", redis, MemoryCache(1, 60.0), 600.0))
    await asker.once(Phase())
    before = await asker.once(Phase())
    cluster.redises.kill(cluster.owners[1])
    away, recovery = Phase(), asyncio.create_task(asyncio.to_thread(_recovery_s, cluster))
    while not recovery.done():
        await asker.once(away)
    async with asyncio.timeout(RECOVERY_S):
        while (await asker.once(Phase())).hit_share < 1:
            pass
    after = await asker.once(Phase())
    await close(redis)
    return Outcome(before, away, after, recovery.result())


def _recovery_s(cluster: Cache) -> float:
    began, asked = time.monotonic(), cluster.owners[0]
    wait_until(lambda: not cluster.is_whole(asked), RECOVERY_S)
    wait_until(lambda: cluster.is_whole(asked), RECOVERY_S)
    return time.monotonic() - began


class Asker:
    """Asks for every value, one after the other."""

    def __init__(self, cache: LayeredCache) -> None:
        self._cache = cache
        self._loaded = 0

    async def once(self, phase: Phase) -> Phase:
        for number in range(KEYS):
            began, loaded = time.monotonic(), self._loaded
            found = await self._cache.get_or_load(f"drill:{number}", lambda number=number: self._load(number))
            phase.times_s.append(time.monotonic() - began)
            phase.loaded += self._loaded - loaded
            phase.wrong += found != value_of(number)
        return phase

    async def _load(self, number: int) -> bytes:
        self._loaded += 1
        await asyncio.sleep(LOAD_S)
        return value_of(number)


def value_of(number: int) -> bytes:
    return hashlib.blake2b(str(number).encode()).digest()
