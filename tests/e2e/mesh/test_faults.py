"""Processes are killed and frozen under load: nothing is lost, and nobody has to help."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from shodhana.api.transcripts.v1 import transcripts_pb2 as pb
from shodhana_client import ShodhanaError, connect, connect_async

from tests.faults.corrections import correct, new_word
from tests.faults.reads import READS, Read
from tests.faults.signals import Frozen

RECOVERY_S = 60.0


def wait_until_healthy(mesh: Any, seconds: float = RECOVERY_S) -> None:
    ends_at = time.monotonic() + seconds
    while not mesh.is_healthy():
        assert time.monotonic() < ends_at, mesh.state["parts"]
        time.sleep(0.2)


@pytest.fixture(autouse=True)
def healthy(mesh: Any) -> Any:
    """Each test begins and leaves the mesh healthy."""
    wait_until_healthy(mesh)
    yield
    wait_until_healthy(mesh)


def calls_of(mesh: Any, service: str, method: str) -> list[float]:
    """Calls answered by each replica, from their own metrics."""
    import httpx

    counts = []
    for part in mesh.parts(service):
        page = httpx.get(part["metrics_url"]).text
        needle = f'rpc_method="{method}"'
        lines = (line for line in page.splitlines() if line.startswith("rpc_server_call_duration_seconds_count"))
        counts.append(sum(float(line.rsplit(" ", 1)[1]) for line in lines if needle in line))
    return counts


async def load(mesh: Any, seconds: float, per_second: int, read: Read = READS["similarity"][1]) -> Counter[str]:
    """Reads at a steady rate; outcomes by status."""
    outcomes: Counter[str] = Counter()
    async with connect_async(mesh.profile, deadline_s=10) as client:

        async def one(number: int) -> None:
            try:
                await read(client, number)
                outcomes["OK"] += 1
            except ShodhanaError as error:
                outcomes[f"{error.code.name}: {error.message}"] += 1

        async with asyncio.TaskGroup() as group:
            began = time.monotonic()
            for number in range(int(seconds * per_second)):
                group.create_task(one(number))
                await asyncio.sleep(max(0.0, began + (number + 1) / per_second - time.monotonic()))
    return outcomes


@pytest.mark.parametrize("service", READS)
async def test_load_splits_and_a_killed_replica_loses_no_call(mesh: Any, service: str) -> None:
    method, read = READS[service]
    before = calls_of(mesh, service, method)
    assert await load(mesh, 2, 100, read) == {"OK": 200}
    shares = [now - then for now, then in zip(calls_of(mesh, service, method), before, strict=True)]
    assert min(shares) >= 0.3 * sum(shares), shares
    running = asyncio.create_task(load(mesh, 4, 100, read))
    await asyncio.sleep(1)
    os.kill(mesh.pids(service)[0], signal.SIGKILL)
    assert await running == {"OK": 400}


async def test_a_rolling_stop_loses_no_call(mesh: Any) -> None:
    running = asyncio.create_task(load(mesh, 25, 50))
    for part in ("similarity-1", "similarity-2"):
        await asyncio.sleep(1)
        [pid] = mesh.pids(part)
        os.kill(pid, signal.SIGTERM)
        async with asyncio.timeout(30):
            while mesh.parts(part)[0]["pid"] in (pid, None) or not mesh.is_healthy():  # noqa: ASYNC110 — another process
                await asyncio.sleep(0.2)
    assert set(await running) == {"OK"}


def test_without_the_embedding_service_spelling_decides_and_review_is_forced(mesh: Any) -> None:
    with Frozen(mesh, "embedding"):
        report = correct(mesh, f"The {new_word()} and bhakthi.\n")
    assert report.degraded
    assert report.requires_review
    assert [(c.heard, c.status) for c in report.corrections if c.heard == "bhakthi"]
    fuzzy = [c for c in report.corrections if c.status == pb.CORRECTION_STATUS_APPLIED and c.heard != "bhakthi"]
    assert not fuzzy


def test_without_the_cache_answers_are_slower_and_the_same(mesh: Any) -> None:
    text = "The praabda of a man is his samadi.\n"
    before = correct(mesh, text)
    with Frozen(mesh, "redis-cache"):
        during = correct(mesh, text)
    assert [c.corrected for c in during.corrections] == [c.corrected for c in before.corrections]
    assert not during.degraded


@pytest.mark.parametrize(("service", "words"), [("quality", "scores"), ("review", "queued for review")])
def test_without_a_service_the_correction_says_what_is_missing(mesh: Any, service: str, words: str) -> None:
    file = pb.TranscriptFile(filename="missing.txt", content="The praabda of bhaktī.\n".encode())
    with Frozen(mesh, service), connect(mesh.profile) as client:
        request = pb.CorrectTranscriptRequest(file=file, request_id=str(uuid.uuid4()))
        report = client.transcripts.CorrectTranscript(request, timeout=60).report
    assert report.degraded
    assert report.requires_review
    assert words in " ".join(report.degradations)
    assert [c.corrected for c in report.corrections if c.heard == "praabda"] == ["prārabdha"]


def test_without_postgres_writes_are_refused_and_come_back_by_themselves(mesh: Any) -> None:
    file = pb.TranscriptFile(filename="a.txt", content=b"samadi\n")
    request = pb.CreateJobRequest(files=[file], request_id=str(uuid.uuid4()))
    refusals: list[str] = []
    with connect(mesh.profile) as client:
        client.token()
        [pid] = mesh.pids("postgres")
        os.kill(mesh.state["supervisor_pid"], signal.SIGSTOP)  # or Postgres is back before anybody misses it
        try:
            os.kill(pid, signal.SIGQUIT)
            with pytest.raises(ShodhanaError) as refused:
                client.transcripts.CreateJob(request, timeout=5)
            refusals.append(refused.value.code.name)
        finally:
            os.kill(mesh.state["supervisor_pid"], signal.SIGCONT)
        ends_at = time.monotonic() + RECOVERY_S
        job = None
        while job is None:
            assert time.monotonic() < ends_at, refusals
            try:
                job = client.transcripts.CreateJob(request, timeout=20)
            except ShodhanaError as error:
                refusals.append(error.code.name)
                time.sleep(0.1)
        frames = list(client.transcripts.WatchJob(pb.WatchJobRequest(name=job.name), timeout=90))
    assert refusals
    assert set(refusals) <= {"UNAVAILABLE", "DEADLINE_EXCEEDED"}
    assert frames[-1].done.succeeded_count == 1


def test_without_the_broker_jobs_wait_in_postgres(mesh: Any) -> None:
    file = pb.TranscriptFile(filename="a.txt", content=b"samadi\n")
    with connect(mesh.profile) as client:
        with Frozen(mesh, "redis-broker"):
            job = client.transcripts.CreateJob(
                pb.CreateJobRequest(files=[file], request_id=str(uuid.uuid4())), timeout=30
            )
        frames = list(client.transcripts.WatchJob(pb.WatchJobRequest(name=job.name), timeout=90))
    assert frames[-1].done.succeeded_count == 1


@pytest.fixture
async def chaos(mesh: Any) -> AsyncIterator[asyncio.Event]:
    """Kills a random worker every 1.5 s until told to stop."""
    stop = asyncio.Event()

    async def kill() -> None:
        while not stop.is_set():
            pids = mesh.pids("worker")
            if pids:
                with contextlib.suppress(ProcessLookupError):  # it died of the last one
                    os.kill(random.choice(pids), signal.SIGKILL)
            await asyncio.sleep(1.5)

    task = asyncio.create_task(kill())
    yield stop
    stop.set()
    await task


async def test_a_job_of_200_files_survives_the_death_of_workers(mesh: Any, chaos: asyncio.Event) -> None:
    files = [
        pb.TranscriptFile(filename=f"talk-{i}.txt", content=f"The prarabdh of man {i} and his samadi.\n".encode() * 40)
        for i in range(200)
    ]
    async with connect_async(mesh.profile) as client:
        job = await client.transcripts.CreateJob(pb.CreateJobRequest(files=files, request_id=str(uuid.uuid4())))
        await asyncio.sleep(9)
        chaos.set()
        last = None
        async for frame in client.transcripts.WatchJob(pb.WatchJobRequest(name=job.name), timeout=240):
            last = frame
        assert last is not None
        assert (last.done.succeeded_count, last.done.failed_count) == (200, 0)
        listed = await client.transcripts.ListJobFiles(pb.ListJobFilesRequest(parent=job.name, page_size=1000))
    assert len({file.filename for file in listed.files}) == 200
