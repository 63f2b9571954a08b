"""Reports in schema `quality`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from shodhana.runtime.standby import Readable

from ..domain.reports import DailyStats, NewReport, ReportNotFound, ReportQuery, StoredReport

REPORT = "report_id, report, created_at"
DAY = (
    "day, report_count, requires_review_count, mean_iast_compliance, mean_sanskrit_accuracy, mean_academic_score, "
    "mean_overall_score"
)


class PostgresReports:
    """The port `ReportStore`."""

    def __init__(self, pool: asyncpg.Pool, reads: Readable | None = None) -> None:
        self._pool = pool
        self._reads: Readable = reads or pool

    async def add(self, report: NewReport) -> StoredReport:
        scores = report.scores
        row = await self._pool.fetchrow(
            "INSERT INTO quality_reports (request_id, subject, iast_compliance, sanskrit_accuracy, academic_score, "
            "overall_score, requires_review, lexicon_version, report) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
            f"ON CONFLICT (request_id) DO NOTHING RETURNING {REPORT}",
            *(report.request_id, report.subject, scores.iast_compliance, scores.sanskrit_accuracy),
            *(scores.academic_score, scores.overall_score, report.requires_review, report.lexicon_version, report.body),
        )
        if row is None:
            row = await self._pool.fetchrow(
                f"SELECT {REPORT} FROM quality_reports WHERE request_id = $1", report.request_id
            )
        return _report(row)

    async def get(self, report_id: int) -> StoredReport:
        row = await self._reads.fetchrow(f"SELECT {REPORT} FROM quality_reports WHERE report_id = $1", report_id)
        if row is None:
            raise ReportNotFound(f"no report qualityReports/{report_id}")
        return _report(row)

    async def find(self, query: ReportQuery) -> Sequence[StoredReport]:
        rows = await self._reads.fetch(
            f"SELECT {REPORT} FROM quality_reports WHERE ($1 = '' OR subject = $1) AND ($2 = false OR requires_review) "
            "AND ($3::bigint IS NULL OR report_id < $3) ORDER BY report_id DESC LIMIT $4",
            *(query.subject, query.only_requiring_review, query.before, query.limit),
        )
        return [_report(row) for row in rows]

    async def daily_stats(self, days: int) -> tuple[list[DailyStats], datetime]:
        rows = await self._reads.fetch(
            f"SELECT {DAY} FROM daily_quality_stats "
            "WHERE day > (now() AT TIME ZONE 'UTC')::date - $1::int ORDER BY day",
            days,
        )
        refreshed = await self._reads.fetchval("SELECT refreshed_at FROM refresh")
        return [DailyStats(*row.values()) for row in rows], refreshed

    async def refresh_daily_stats(self) -> None:
        await self._pool.execute("SELECT refresh_daily_stats()")


def _report(row: asyncpg.Record | None) -> StoredReport:
    if row is None:
        raise ReportNotFound("the report is gone")
    return StoredReport(row["report_id"], row["report"], row["created_at"])
