"""How well decisions turn into knowledge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from .proposals import ProposalState


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Decided suggestions of about the same probability: how many, their mean probability, the share that was right."""

    count: int
    probability: float
    right_share: float


@dataclass(frozen=True, slots=True)
class KnowledgeFigures:
    """Shares from 0 to 1 over a period; None where there is nothing to compute one from."""

    repeat_error_rate: float | None
    auto_resolved_share: float | None
    overturn_rate: float | None
    active_p50_s: float | None
    active_p95_s: float | None
    calibration: tuple[CalibrationBin, ...]
    proposals: Mapping[ProposalState, int]
    oldest_sla_share: float | None
    """Age of the oldest waiting case over its SLA; more than 1: overdue."""

    @property
    def decided_count(self) -> int:
        return sum(one.count for one in self.calibration)

    @property
    def calibration_error(self) -> float | None:
        """Mean distance of probability and truth over the bins."""
        return expected_calibration_error(self.calibration)


class Insight(Protocol):
    """Where the figures come from."""

    async def knowledge(self, days: int) -> KnowledgeFigures: ...


def expected_calibration_error(bins: Sequence[CalibrationBin]) -> float | None:
    """The mean distance of probability and truth, weighted by the bins' counts; None without decisions."""
    total = sum(one.count for one in bins)
    if not total:
        return None
    return sum(one.count * abs(one.probability - one.right_share) for one in bins) / total
