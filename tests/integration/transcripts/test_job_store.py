"""Jobs over a real Postgres: claims, fences, leases, cancellation, poison."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from shodhana.errors import InvalidInput
from shodhana.runtime.postgres import open_pool
from shodhana.runtime.settings import RuntimeSettings
from shodhana.transcripts.adapters.postgres_jobs import PostgresJobs
from shodhana.transcripts.domain.jobs import (
    ClaimedFile,
    FileResult,
    FileState,
    JobNotFound,
    JobState,
    NewFile,
    NewJob,
    RequestIdReused,
    ResultNotReady,
)
from shodhana.transcripts.domain.ports import ServiceMissing
from shodhana.transcripts.domain.runner import run_file

DONE = FileResult(b"result", b"", False)


@pytest.fixture
async def pool(postgres_database: Any) -> AsyncIterator[asyncpg.Pool]:
    settings = RuntimeSettings(database_url=postgres_database.role_url("transcripts"), pool_min=1, pool_max=10)
    async with open_pool(settings, "transcripts") as opened:
        yield opened


@pytest.fixture
def store(pool: asyncpg.Pool) -> PostgresJobs:
    return PostgresJobs(pool)


def new_job(count: int, request_id: str | None = None) -> NewJob:
    files = tuple(NewFile(f"talk-{i}.txt", b"text", 4) for i in range(count))
    return NewJob(files, b"", "test", "users/1", request_id, "00-trace")


async def claimed(store: PostgresJobs, file_id: int, lease_s: float = 30) -> ClaimedFile:
    found = await store.claim(file_id, lease_s)
    assert found is not None
    return found


async def test_a_file_is_claimed_by_one_of_many(store: PostgresJobs) -> None:
    _, [file_id] = await store.create(new_job(1))
    claims = await asyncio.gather(*(store.claim(file_id, 30) for _ in range(8)))
    assert sum(claim is not None for claim in claims) == 1


async def test_a_job_goes_from_pending_over_running_to_its_end(store: PostgresJobs) -> None:
    job, [first, second] = await store.create(new_job(2))
    assert job.state is JobState.PENDING
    one = await claimed(store, first)
    assert (await store.job(job.job_id)).state is JobState.RUNNING
    assert await store.finish(one, DONE)
    two = await claimed(store, second)
    assert await store.fail(two, b"status")
    ended = await store.job(job.job_id)
    assert ended.state is JobState.SUCCEEDED
    assert ended.ended_at is not None
    assert await store.result(job.job_id, first) == b"result"
    with pytest.raises(ResultNotReady):
        await store.result(job.job_id, second)
    with pytest.raises(JobNotFound):
        await store.result(job.job_id, 10**9)


async def test_the_result_of_a_worker_that_lost_its_lease_is_dropped(store: PostgresJobs) -> None:
    _, [file_id] = await store.create(new_job(1))
    slow = await claimed(store, file_id, 0.01)
    await asyncio.sleep(0.05)
    quick = await claimed(store, file_id)
    assert quick.fence > slow.fence
    assert not await store.finish(slow, FileResult(b"late", b"", False))
    assert not await store.prolong(slow, 30)
    assert await store.finish(quick, DONE)


async def test_cancelling_fences_off_the_workers_and_keeps_what_is_done(store: PostgresJobs) -> None:
    job, ids = await store.create(new_job(3))
    assert await store.finish(await claimed(store, ids[0]), DONE)
    running = await claimed(store, ids[1])
    cancelled = await store.cancel(job.job_id)
    assert cancelled.state is JobState.CANCELLED
    assert cancelled.counts[FileState.CANCELLED] == 2
    assert not await store.finish(running, DONE)
    assert await store.result(job.job_id, ids[0]) == b"result"
    assert (await store.cancel(job.job_id)).counts == cancelled.counts


async def test_a_file_whose_workers_died_three_times_is_poison(store: PostgresJobs) -> None:
    job, [file_id] = await store.create(new_job(1))
    for _ in range(3):
        assert await store.sweep(3, b"poison") in ([], [file_id])
        await claimed(store, file_id, 0.01)
        await asyncio.sleep(0.05)
    await store.sweep(3, b"poison")
    [file] = await store.files(job.job_id, None, 0, 10)
    assert (file.state, file.error, file.attempt) == (FileState.FAILED, b"poison", 3)
    assert await store.claim(file_id, 30) is None


async def test_the_sweeper_rings_again_for_ended_leases_and_lost_bells(store: PostgresJobs, pool: asyncpg.Pool) -> None:
    _, [dead, lost, fresh] = await store.create(new_job(3))
    await claimed(store, dead, 0.01)
    await asyncio.sleep(0.05)
    await pool.execute("UPDATE job_file SET rung_at = now() - interval '1 hour' WHERE file_id = ANY($1)", [dead, lost])
    assert sorted(await store.sweep(3, b"")) == [dead, lost]
    assert await store.sweep(3, b"") == []
    assert fresh


async def test_a_repeated_request_gets_the_same_job_and_another_under_its_id_is_refused(store: PostgresJobs) -> None:
    request_id = str(uuid.uuid4())
    first, _ = await store.create(new_job(2, request_id))
    again, ids = await store.create(new_job(2, request_id))
    assert again.job_id == first.job_id
    assert ids == []
    with pytest.raises(RequestIdReused):
        await store.create(new_job(3, request_id))


async def test_a_missing_service_gives_the_file_back_without_counting_the_attempt(store: PostgresJobs) -> None:
    job, [file_id] = await store.create(new_job(1))

    async def correct(_: ClaimedFile) -> FileResult:
        raise ServiceMissing("similarity is away", retry_after_s=1)

    async def no_pause(_: float) -> None:
        return None

    assert await run_file(file_id, store, correct, lambda _: b"", 30, no_pause) == "given_back"
    [file] = await store.files(job.job_id, None, 0, 10)
    assert (file.state, file.attempt) == (FileState.QUEUED, 0)
    assert await store.sweep(3, b"") == [file_id]


async def test_a_bad_file_fails_alone_with_its_reason(store: PostgresJobs) -> None:
    job, ids = await store.create(new_job(2))

    async def correct(one: ClaimedFile) -> FileResult:
        if one.file_id == ids[0]:
            raise InvalidInput("line 2: broken")
        return DONE

    outcomes = [await run_file(file_id, store, correct, lambda error: error.message.encode(), 30) for file_id in ids]
    assert outcomes == ["failed", "succeeded"]
    [bad] = await store.files(job.job_id, FileState.FAILED, 0, 10)
    assert bad.error == b"line 2: broken"
    assert (await store.job(job.job_id)).state is JobState.SUCCEEDED


async def test_a_long_correction_keeps_its_lease(store: PostgresJobs) -> None:
    _, [file_id] = await store.create(new_job(1))

    async def correct(_: ClaimedFile) -> FileResult:
        await asyncio.sleep(3)
        assert await store.claim(file_id, 30) is None
        return DONE

    assert await run_file(file_id, store, correct, lambda _: b"", 2.0) == "succeeded"


async def test_a_sweep_rings_for_so_many_at_most(pool: asyncpg.Pool) -> None:
    store = PostgresJobs(pool, batch_size=2)
    _, file_ids = await store.create(new_job(5))
    await pool.execute("UPDATE job_file SET rung_at = to_timestamp(0)")
    swept = [await store.sweep(3, b"poison") for _ in range(4)]
    assert [len(ids) for ids in swept] == [2, 2, 1, 0]
    assert sorted(itertools.chain.from_iterable(swept)) == file_ids
