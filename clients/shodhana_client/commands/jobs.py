"""`shodhana jobs`."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shodhana.api.transcripts.v1 import transcripts_pb2 as pb

from ..client import Client
from .process import write_results
from .session import complain, connected

PAGE = 1000


def run_job(files: Sequence[Path], output: Path, name: str, profile: Path | None) -> int:
    """Makes a job, follows it, writes the results; 1 where a file failed."""
    try:
        listed = [pb.TranscriptFile(filename=path.name, content=path.read_bytes()) for path in files]
    except OSError as error:
        complain(error)
        return 1
    with connected(profile) as client:
        request = pb.CreateJobRequest(files=listed, display_name=name, request_id=str(uuid.uuid4()))
        job = client.transcripts.CreateJob(request)
        _follow(client, job)
        answer = client.transcripts.ListJobFiles(pb.ListJobFilesRequest(parent=job.name, page_size=PAGE))
        for path, file in zip(files, answer.files, strict=True):
            if file.state == pb.JOB_FILE_STATE_SUCCEEDED:
                result = client.transcripts.GetResult(pb.GetResultRequest(name=file.name, include_cues=True))
                write_results(result, path, output)
            else:
                print(f"error: {path}: {file.error.message or 'cancelled'}", file=sys.stderr)
    return 0 if all(file.state == pb.JOB_FILE_STATE_SUCCEEDED for file in answer.files) else 1


def _follow(client: Client, job: Any) -> None:
    for frame in client.transcripts.WatchJob(pb.WatchJobRequest(name=job.name)):
        now = frame.done if frame.HasField("done") else frame.job
        ended = now.succeeded_count + now.failed_count + now.cancelled_count
        print(f"{job.name}: {ended} of {now.file_count} files, {now.failed_count} failed", file=sys.stderr)
