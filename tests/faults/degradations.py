"""What still works while something is away, and what its callers are told."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from shodhana.api.review.v1 import review_pb2
from shodhana.api.similarity.v1.similarity_pb2 import SearchRequest
from shodhana.api.transcripts.v1 import transcripts_pb2 as pb
from shodhana_client import AsyncClient, ShodhanaError

from tests.faults.corrections import correct, new_word
from tests.faults.ledger import REFUSED
from tests.faults.load import Load
from tests.faults.world import World

KNOWN = "The praabda of a man is his samadi.\n"
CORRECTED = ["prārabdha", "samādhi"]
WAITING = 30
LARGE_WORDS = 20_000
NOTICED_S = 3.0
"""By then every replica has noticed, and the gateway has heard of it."""


async def only_cached_reads(_world: World, calls: Load) -> None:
    """Without Postgres: searches are answered from memory, writes refused with a time to come back, kept nowhere."""
    await asyncio.sleep(NOTICED_S)
    file = pb.TranscriptFile(filename="a.txt", content=b"samadi\n")
    job = pb.CreateJobRequest(files=[file], display_name=REFUSED, request_id=str(uuid.uuid4()))
    claim = review_pb2.ClaimCasesRequest(count=1)
    for _ in range(6):  # both replicas
        found = await calls.client.similarity.Search(SearchRequest(query="kundalani"), timeout=1)
        assert found.candidates[0].term == "kuṇḍalinī", "the search found something else"
    await _refused(lambda: calls.client.transcripts.CreateJob(job, timeout=2))
    await _refused(lambda: calls.client.review.ClaimCases(claim, timeout=2))


async def corrected_without_cache(world: World, _calls: Load) -> None:
    """Without the cache: slower, correct, nothing marked."""
    report = await asyncio.to_thread(correct, world.mesh, KNOWN)
    assert [found.corrected for found in report.corrections] == CORRECTED, "corrected otherwise"
    assert not report.degraded, f"degraded: {list(report.degradations)}"


async def spelling_alone(world: World, _calls: Load) -> None:
    """Without the embedding service: exact and lexical search, said so, nothing applied on its own, review forced."""
    report = await asyncio.to_thread(correct, world.mesh, f"The {new_word()} and bhakthi.\n")
    assert report.degraded, "not marked as degraded"
    assert report.requires_review, "no review forced"
    assert any(found.heard == "bhakthi" for found in report.corrections), "a known spelling was not found"
    applied = [c.heard for c in report.corrections if c.status == pb.CORRECTION_STATUS_APPLIED and c.heard != "bhakthi"]
    assert not applied, f"applied on spelling alone: {applied}"


async def jobs_wait_in_postgres(_world: World, calls: Load) -> None:
    """Without the broker: a job is taken, and waits; its files are to be corrected later like any others."""
    name = f"waits-{uuid.uuid4().hex[:12]}"
    names = [name, *(f"{name}-{number}" for number in range(1, WAITING))]
    files = [pb.TranscriptFile(filename=file, content=b"samadi\n") for file in names]
    request = pb.CreateJobRequest(files=files, display_name=name, request_id=str(uuid.uuid4()))
    job = await calls.client.transcripts.CreateJob(request, timeout=10)
    calls.ledger.jobs[int(job.name.removeprefix("jobs/"))] = name
    assert (await _state(calls.client, job.name)).file_count == WAITING, "the job is not there"


async def no_room_for_files(_world: World, calls: Load) -> None:
    """With the disk of the job files full: a job is refused with a time to come back, the rest works."""
    file = pb.TranscriptFile(filename="large.txt", content=b"samadi " * LARGE_WORDS)
    job = pb.CreateJobRequest(files=[file], display_name=REFUSED, request_id=str(uuid.uuid4()))
    await _refused(lambda: calls.client.transcripts.CreateJob(job, timeout=3))


async def _state(client: AsyncClient, name: str) -> pb.Job:
    found: pb.Job = await client.transcripts.GetJob(pb.GetJobRequest(name=name), timeout=3)
    return found


async def _refused(write: Callable[[], Awaitable[Any]]) -> None:
    began, refusal = time.monotonic(), None
    try:
        await write()
    except ShodhanaError as error:
        refusal = error
    assert refusal is not None, "a write was taken, though it cannot be kept"
    took_s = time.monotonic() - began
    what = f"{refusal.code.name} after {took_s:.1f} s: {refusal.message}"
    assert refusal.code.name == "UNAVAILABLE", f"a write ended with {what}"
    assert refusal.retry_after_s is not None, f"no RetryInfo: {what}"
