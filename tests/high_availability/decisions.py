"""The drill of a fail-over of Postgres: are all acknowledged decisions still there?"""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.high_availability.pair import Pair, running_pair
from tests.high_availability.reviewing import Experts, fill, review_service, stored_decisions, tokens

CASES_PER_S = 1500
AFTER_S = 60.0


@dataclass(frozen=True, slots=True)
class Course:
    """What is done in one run."""

    is_synchronous: bool
    seconds: float
    lag_s: float
    experts: int = 32


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    acknowledged: int
    per_second: float
    lost: int
    doubled: int
    promoted_s: float
    """From the death of the primary to the end of the command that promotes."""
    failed_over_s: float
    """From the death of the primary to the first decision acknowledged after it."""
    refused: dict[str, int]


def fail_over(course: Course) -> Outcome:
    """Experts decide, the standby lags, the primary dies, the standby takes over, experts go on."""
    with tempfile.TemporaryDirectory(prefix="shodhana-drill-") as name, running_pair(Path(name)) as pair:
        asyncio.run(fill(pair.primary.url, int(course.seconds * CASES_PER_S)))
        pair.set_synchronous("ANY 1 (standby)" if course.is_synchronous else "")
        with review_service(pair, Path(name)) as target:
            experts = Experts(target, tokens(Path(name), course.experts))
            return asyncio.run(_run(pair, experts, course))


async def _run(pair: Pair, experts: Experts, course: Course) -> Outcome:
    deciding = asyncio.create_task(experts.decide())
    pair.link.delay_s = course.lag_s
    await asyncio.sleep(course.seconds)
    before = len(experts.acknowledged)
    died_at = time.monotonic()
    await asyncio.to_thread(pair.kill_primary)
    await asyncio.to_thread(pair.promote)
    promoted_s = time.monotonic() - died_at
    async with asyncio.timeout(AFTER_S):
        while _first_after(experts, died_at + promoted_s) is None:  # noqa: ASYNC110 - told by the service
            await asyncio.sleep(0.02)
    experts.is_stopped = True
    await deciding
    stored, doubled = await stored_decisions(pair.standby.url)
    return Outcome(
        acknowledged=len(experts.acknowledged),
        per_second=before / course.seconds,
        lost=len(experts.acknowledged.keys() - stored),
        doubled=doubled,
        promoted_s=promoted_s,
        failed_over_s=(_first_after(experts, died_at + promoted_s) or died_at) - died_at,
        refused=experts.refused,
    )


def _first_after(experts: Experts, moment: float) -> float | None:
    return min((at for at in experts.acknowledged.values() if at > moment), default=None)
