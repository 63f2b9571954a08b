"""The drill of a store that dies during a job: is every file finished, and once?"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shodhana.api.transcripts.v1 import transcripts_pb2 as pb
from shodhana.runtime.hosts import Hosts
from shodhana.stack.places import PROJECT
from shodhana_client import connect
from shodhana_client.client import Client

from tests.conftest import wait_until
from tests.high_availability.mesh import Mesh, counted
from tests.high_availability.pair import Pair
from tests.high_availability.redises import Broker

SAMPLE = PROJECT / "samples" / "gita_chapter_two_talk.srt"
FINISHED = 'files_processed_total{outcome="succeeded"}'
CUES = 6
JOB_S = 900.0
FAIL_OVER_S = 120.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    files: int
    succeeded: int
    reports: int
    """Quality reports of the job's files, one each at most."""
    finishes: int
    """Times that a worker was told that its result counts: once a file."""
    again: int
    """Files that more than one attempt was made at."""
    failed_over_s: float
    """From the death of the server to another that takes writes."""
    job_s: float


def is_right(job: Outcome) -> bool:
    """Whether every file was finished, once."""
    return (job.succeeded, job.reports, job.finishes) == (job.files, job.files, job.files)


def lose_the_leader(mesh: Mesh, files: int) -> Outcome:
    """A job is made, the broker's leader dies when an eighth of it is done, the job goes on to its end."""
    return _run(mesh, files, lambda: _leader_dies(mesh.broker))


def lose_the_primary(mesh: Mesh, files: int) -> Outcome:
    """The same with the primary of Postgres, and somebody who promotes the standby at once."""
    return _run(mesh, files, lambda: _primary_dies(mesh.pair))


def _run(mesh: Mesh, files: int, strike: Callable[[], float]) -> Outcome:
    with connect(mesh.profile) as client, ThreadPoolExecutor(1) as pool:
        began, finished_before = time.monotonic(), counted(mesh, "worker", FINISHED)
        request = pb.CreateJobRequest(files=_files(files), display_name="drill", request_id=str(uuid.uuid4()))
        name = client.transcripts.CreateJob(request).name
        wait_until(lambda: _job(client, name).succeeded_count * 8 >= files, JOB_S)
        failing_over = pool.submit(strike)
        wait_until(lambda: _job(client, name).HasField("end_time"), JOB_S)
        job_s = time.monotonic() - began
        found = _all_files(client, name)
        return Outcome(
            files=files,
            succeeded=sum(file.state == pb.JOB_FILE_STATE_SUCCEEDED for file in found),
            reports=asyncio.run(_reports(mesh, found)),
            finishes=round(counted(mesh, "worker", FINISHED) - finished_before),
            again=sum(file.attempt_count > 1 for file in found),
            failed_over_s=failing_over.result(),
            job_s=job_s,
        )


def _primary_dies(pair: Pair) -> float:
    died_at = time.monotonic()
    pair.kill_primary()
    pair.promote()
    return time.monotonic() - died_at


def _leader_dies(broker: Broker) -> float:
    leader, died_at = broker.leader(), time.monotonic()
    assert leader is not None
    broker.redises.kill(leader)
    wait_until(lambda: broker.leader() not in (leader, None) and broker.takes_writes(), FAIL_OVER_S)
    return time.monotonic() - died_at


def _files(count: int) -> list[pb.TranscriptFile]:
    cues = SAMPLE.read_bytes().strip().split(b"\n\n")
    starts = [CUES * number % (len(cues) - CUES) for number in range(count)]
    return [
        pb.TranscriptFile(filename=f"talk_{number}.srt", content=b"\n\n".join(cues[start : start + CUES]) + b"\n")
        for number, start in enumerate(starts)
    ]


def _job(client: Client, name: str) -> Any:
    return client.transcripts.GetJob(pb.GetJobRequest(name=name))


def _all_files(client: Client, name: str) -> list[pb.JobFile]:
    found: list[pb.JobFile] = []
    token = ""
    while True:
        page = client.transcripts.ListJobFiles(pb.ListJobFilesRequest(parent=name, page_size=100, page_token=token))
        found += page.files
        if not (token := page.next_page_token):
            return found


async def _reports(mesh: Mesh, files: list[pb.JobFile]) -> int:
    ids = [f"00000000-0000-4000-8000-{int(Path(file.name).name):012x}" for file in files]
    connection = await Hosts(mesh.pair.owner_url).connect()
    count = await connection.fetchval(
        "SELECT count(*) FROM quality.quality_reports WHERE request_id = ANY($1::uuid[])", ids
    )
    await connection.close()
    return int(count)
