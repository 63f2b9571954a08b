"""`shodhana jobs`."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from shodhana.api.transcripts.v1 import transcripts_pb2 as pb

from ..client import Client
from ..errors import ShodhanaError, Unavailable
from ..terminal import Bar
from ..web import open_page
from .process import write_results
from .session import EXIT_ERROR, EXIT_OK, connected

MOST_FILES, MOST_BYTES = 1000, 50_000_000
"""Of one job."""
WATCHES = 10
"""A watch breaks off when its service stops: so often it is begun again."""


def run_jobs(files: Sequence[Path], output: Path, name: str, opens: bool, profile: Path | None) -> int:
    """Makes jobs of the files, follows them, here and with `opens` in the browser, and writes the results.

    1 where a file failed.
    """
    output.mkdir(parents=True, exist_ok=True)
    parts = list(portions(files))
    code = EXIT_OK
    with connected(profile) as client:
        made = [(_create(client, part, name), part) for part in parts]
        for job, part in made:
            print(f"{job.name}: {len(part)} files", file=sys.stderr)
            if opens:
                open_page(job.name, client.profile)
        for job, part in made:
            try:
                _follow(client, job)
            except KeyboardInterrupt:
                cancel = f"shodhana rpc transcripts cancel-job --name {job.name}"
                print(f"\n{job.name} goes on; `{cancel}` ends it", file=sys.stderr)
                raise
            if not _fetch(client, job, part, output):
                code = EXIT_ERROR
    return code


def portions(files: Sequence[Path]) -> Iterator[list[Path]]:
    """The files in as many lists as the limits of one job ask for. Raises OSError for one that cannot be read."""
    part: list[Path] = []
    size = 0
    for path in files:
        with path.open("rb") as file:  # says now which one cannot be read
            more = file.seek(0, 2)
        if part and (len(part) == MOST_FILES or size + more > MOST_BYTES):
            yield part
            part, size = [], 0
        part.append(path)
        size += more
    yield part


def _create(client: Client, files: Sequence[Path], name: str) -> pb.Job:
    listed = [pb.TranscriptFile(filename=path.name, content=path.read_bytes()) for path in files]
    request = pb.CreateJobRequest(files=listed, display_name=name, request_id=str(uuid.uuid4()))
    return client.transcripts.CreateJob(request)


def _follow(client: Client, job: pb.Job) -> None:
    """Returns when the job has ended, showing how far it is."""
    with Bar(job.name, job.file_count) as bar:
        for last in range(1, WATCHES + 1):
            try:
                if _watch(client, job, bar):
                    return
            except Unavailable:
                if last == WATCHES:
                    raise
    state = f"shodhana rpc transcripts get-job --name {job.name}"
    raise ShodhanaError(f"the watch broke off {WATCHES} times; `{state}` shows how far it is")


def _watch(client: Client, job: pb.Job, bar: Bar) -> bool:
    """Whether the job has ended; False where the watch broke off before."""
    for frame in client.transcripts.WatchJob(pb.WatchJobRequest(name=job.name)):
        if frame.HasField("error"):
            return False
        now = frame.done if frame.HasField("done") else frame.job
        failed = f"{now.failed_count} failed" if now.failed_count else ""
        bar.show(now.succeeded_count + now.failed_count + now.cancelled_count, failed)
        if frame.HasField("done"):
            return True
    return False


def _fetch(client: Client, job: pb.Job, files: Sequence[Path], output: Path) -> bool:
    """Writes the results, and says which files have none; whether all have one."""
    request = pb.ListJobFilesRequest(parent=job.name, page_size=MOST_FILES)
    are_whole = True
    for path, file in zip(files, client.transcripts.ListJobFiles(request).files, strict=True):
        if file.state == pb.JOB_FILE_STATE_SUCCEEDED:
            result = client.transcripts.GetResult(pb.GetResultRequest(name=file.name, include_cues=True))
            print(write_results(result, path, output))
        else:
            are_whole = False
            print(f"error: {path}: {file.error.message or 'cancelled'}", file=sys.stderr)
    return are_whole
