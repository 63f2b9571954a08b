"""Statistics by day: what the materialized view holds, and how it is kept up."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import grpc
import pytest
from shodhana.api.quality.v1 import quality_pb2 as pb

ENGLISH = "one by one they came in the morning"
CLEAN = "the dhyāna of kṛṣṇa brings śānti"
FAULTY = "the dhyāna of Krṣna"
WAIT_S = 60


async def test_a_day_sums_up_its_reports_and_means_leave_out_those_without_sanskrit(caller: Any) -> None:
    made = [await caller.score(line) for line in (CLEAN, FAULTY, ENGLISH)]
    [today] = (await _days_with(caller, 3)).days
    assert today.date == datetime.now(UTC).date().isoformat()
    assert (today.report_count, today.requires_review_count) == (3, 1)
    scored = made[:2]
    assert today.mean_iast_compliance == pytest.approx(sum(report.scores.iast_compliance for report in scored) / 2)
    assert today.mean_academic_score == pytest.approx(
        sum(report.scores.academic_score for report in scored) / 2, abs=1e-4
    )


async def test_a_day_without_sanskrit_has_counts_and_no_means(caller: Any) -> None:
    await caller.score(ENGLISH)
    [today] = (await _days_with(caller, 1)).days
    assert not any(today.HasField(f"mean_{name}") for name in ("iast_compliance", "academic_score", "overall_score"))


async def test_days_come_oldest_first_and_no_further_back_than_asked(caller: Any, owner: asyncpg.Connection) -> None:
    await owner.execute(
        "INSERT INTO quality.quality_reports (academic_score, requires_review, report, created_at) "
        "SELECT .5, true, '', now() - make_interval(days => back) FROM unnest(ARRAY[0, 1, 5, 400]) AS back"
    )
    recent = await _days_with(caller, 3)
    today = datetime.now(UTC).date()
    assert [date.fromisoformat(day.date) for day in recent.days] == [today - timedelta(days=back) for back in (5, 1, 0)]
    two = await caller.call("GetDailyStats", pb.GetDailyStatsRequest(days=2))
    assert [day.report_count for day in two.days] == [1, 1]


async def test_it_says_when_the_statistics_were_computed(caller: Any) -> None:
    first = (await caller.call("GetDailyStats", pb.GetDailyStatsRequest())).refresh_time.ToDatetime()
    async with asyncio.timeout(WAIT_S):
        while (await caller.call("GetDailyStats", pb.GetDailyStatsRequest())).refresh_time.ToDatetime() <= first:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_hits_and_misses_of_the_caches_are_told_by_day(caller: Any) -> None:
    line = f"the dhyāna of the {uuid.uuid4()}"
    hits, misses = await _scores_asked(caller)
    for _ in range(20):
        await caller.score(line, validate_only=True)
    async with asyncio.timeout(WAIT_S):
        while (asked := await _scores_asked(caller))[0] < hits + 19:  # noqa: ASYNC110 - another process's clock
            await asyncio.sleep(0.05)
    assert asked[1] > misses


async def test_hits_and_misses_take_the_permission_of_the_other_statistics(replicas: Any) -> None:
    stranger = await replicas.start(permissions=["quality:write"])
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stranger.call("GetCacheStats", pb.GetCacheStatsRequest())
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_readers_and_a_refresh_do_not_wait_for_each_other(
    owner: asyncpg.Connection, role: asyncpg.Connection
) -> None:
    async with owner.transaction():  # holds the view as a slow reader does: only a concurrent refresh passes
        await owner.fetch("SELECT * FROM quality.daily_quality_stats")
        await role.execute("SET lock_timeout = '5s'")
        await role.execute("SELECT quality.refresh_daily_stats()")


async def test_replicas_that_refresh_together_all_succeed(postgres_database: Any) -> None:
    connections = [await asyncpg.connect(postgres_database.role_url("quality")) for _ in range(4)]
    await asyncio.gather(*(one.execute("SELECT quality.refresh_daily_stats()") for one in connections))
    for connection in connections:
        await connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "REFRESH MATERIALIZED VIEW quality.daily_quality_stats",
        "UPDATE quality.quality_reports SET requires_review = false",
        "DELETE FROM quality.quality_reports",
        "UPDATE quality.refresh SET refreshed_at = now()",
        "SELECT * FROM similarity.lexicon_entry",
        "CREATE TABLE public.mine (x int)",
    ],
)
async def test_the_service_may_do_no_more_than_it_does(role: asyncpg.Connection, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await role.execute(statement)


async def test_no_score_beyond_its_range_is_stored(owner: asyncpg.Connection) -> None:
    for score in ("1.01", "-0.1"):
        with pytest.raises(asyncpg.CheckViolationError):
            await owner.execute(
                "INSERT INTO quality.quality_reports (academic_score, requires_review, report) "
                f"VALUES ({score}, true, '')"
            )


async def _days_with(caller: Any, reports: int) -> Any:
    """The statistics once they hold so many reports."""
    async with asyncio.timeout(WAIT_S):
        while True:
            answer = await caller.call("GetDailyStats", pb.GetDailyStatsRequest())
            if sum(day.report_count for day in answer.days) >= reports:
                return answer
            await asyncio.sleep(0.05)


async def _scores_asked(caller: Any) -> tuple[int, int]:
    """Hits and misses of kept scores, as far as they are told today."""
    answer = await caller.call("GetCacheStats", pb.GetCacheStatsRequest(days=1))
    [found] = [day for day in answer.days if day.cache == "quality_scores"] or [pb.CacheDayStats()]
    return found.hit_count, found.miss_count
