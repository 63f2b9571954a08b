"""Counts and rates of the queue, of persons and of domains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from .cases import State

AGE_BANDS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True)
class ExpertFigures:
    """What one expert did in a period; counts of final verdicts are of decisions that stand."""

    expert: str
    decision_count: int
    accept_count: int
    correct_count: int
    reject_count: int
    skip_count: int
    escalate_count: int
    undone_count: int
    median_s: float | None
    in_time_count: int
    paired_count: int
    agreed_count: int
    overturned_count: int
    gold_count: int
    gold_right_count: int


@dataclass(frozen=True, slots=True)
class DomainFigures:
    """One domain: what waits now, and what was decided in a period."""

    domain: str
    pending_count: int
    overdue_count: int
    oldest_pending: timedelta | None
    disputed_count: int
    decision_count: int
    median_wait_s: float | None
    paired_count: int
    alpha: float | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits in one domain for an expert; age 0 where nothing does."""

    domain: str
    pending_count: int
    overdue_count: int
    oldest_s: float


@dataclass(frozen=True, slots=True)
class DayFigures:
    """One day, UTC."""

    day: date
    created_count: int
    decided_count: int
    undone_count: int
    in_time_count: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """The queue now, and what was done in a period. `ages`: waiting cases by AGE_BANDS of the SLA that has passed."""

    counts: dict[State, int]
    oldest_pending: timedelta | None
    overdue_count: int
    experts: tuple[ExpertFigures, ...]
    domains: tuple[DomainFigures, ...]
    days: tuple[DayFigures, ...]
    ages: tuple[int, ...]
    decided_last_hour_count: int
    alpha: float | None


def krippendorff_alpha(units: Iterable[Iterable[str]]) -> float | None:
    """Agreement of the values that raters gave to each unit, nominal: 1 is perfect, 0 what chance would give.

    Units with fewer than two values say nothing; None where no unit has two, or all values are the same. Source:
    Krippendorff, Content Analysis (4th ed., 2018), 12.3: α = 1 - (n - 1) Σ disagreeing pairs / Σ n_c n_k.
    """
    totals: Counter[str] = Counter()
    disagreement = 0.0
    for unit in units:
        values = Counter(unit)
        size = values.total()
        if size < 2:
            continue
        totals.update(values)
        disagreement += (size * size - sum(count * count for count in values.values())) / (size - 1)
    everything = totals.total()
    expected = everything * everything - sum(count * count for count in totals.values())
    return None if expected == 0 else 1 - (everything - 1) * disagreement / expected
