"""Stored reports and statistics by day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from shodhana.errors import NotFound

from .values import Scores


class ReportNotFound(NotFound):
    """No report of that number."""


@dataclass(frozen=True, slots=True)
class NewReport:
    """A report to store; `body` is opaque here."""

    subject: str
    scores: Scores
    requires_review: bool
    lexicon_version: str
    body: bytes
    request_id: str | None


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report as stored."""

    report_id: int
    body: bytes
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """Which reports, newest first."""

    subject: str = ""
    only_requiring_review: bool = False
    before: int | None = None
    limit: int = 20


@dataclass(frozen=True, slots=True)
class DailyStats:
    """One day (UTC)."""

    day: date
    report_count: int
    requires_review_count: int
    mean_iast_compliance: float | None
    mean_sanskrit_accuracy: float | None
    mean_academic_score: float | None
    mean_overall_score: float | None


class ReportStore(Protocol):
    """Where reports are kept."""

    async def add(self, report: NewReport) -> StoredReport: ...

    async def get(self, report_id: int) -> StoredReport: ...

    async def find(self, query: ReportQuery) -> Sequence[StoredReport]: ...

    async def daily_stats(self, days: int) -> tuple[list[DailyStats], datetime]: ...

    async def refresh_daily_stats(self) -> None: ...
