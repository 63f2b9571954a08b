"""From a garbled file, over what experts decide, to the finished one."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

from shodhana.api.review.v1 import review_pb2
from shodhana.api.transcripts.v1 import transcripts_pb2 as pb
from shodhana_client.client import Client
from shodhana_client.profile import Profile

TALK = """\
1
00:00:01,000 --> 00:00:06,000
She crosses the nabi and the heart, and comes up to the agnya.

2
00:00:07,000 --> 00:00:12,000
She comes up from the nabi, and there is the cool breeze.
"""


def decide(mesh: Any, name: str, **answer: Any) -> None:
    with Client(Profile.read(mesh.directory / "client.json")) as client:
        wanted = review_pb2.ClaimCasesRequest(names=[name], request_id=str(uuid.uuid4()))
        [held] = client.review.ClaimCases(wanted).cases
        request = review_pb2.DecideCaseRequest(
            name=name, fencing_token=held.lease.fencing_token, request_id=str(uuid.uuid4()), **answer
        )
        client.review.DecideCase(request)


def test_decisions_are_written_into_the_file_and_nobody_is_asked_twice(mesh: Any, tmp_path: Path) -> None:
    path = tmp_path / f"chakras-{time.time_ns()}.srt"
    path.write_text(TALK)
    mesh.tool("process", path)
    report_path = path.with_suffix("").with_suffix(".report.json")
    report = json.loads(report_path.read_text())
    asked = [one for one in report["corrections"] if one["review_case"]]
    assert report["review_case_count"] == len(asked) >= 2
    first, second = asked[0], asked[1]
    decide(mesh, first["review_case"], verdict=review_pb2.VERDICT_CORRECT, decided_text="nābhi cakra")
    decide(mesh, second["review_case"], verdict=review_pb2.VERDICT_REJECT)

    said = mesh.tool("finish", path).stdout
    assert f"1 decided, 1 left as heard, {len(asked) - 2} open" in said
    final = path.with_suffix(".final.srt").read_text().splitlines()
    line = final[2 if first["cue"] == 1 else 6]
    assert line[first["start"] :].startswith("nābhi cakra")
    assert [one for one in final if "-->" in one] == [one for one in TALK.splitlines() if "-->" in one]

    again = mesh.tool("process", path).stdout
    assert f"0 review cases queued, {len(asked)} asked before" in again
    assert [one["review_case"] for one in json.loads(report_path.read_text())["corrections"]] == [
        one["review_case"] for one in report["corrections"]
    ]
    path.write_text(TALK.replace("nabi", "nabhi"))
    refused = mesh.tool("finish", path, check=False)
    assert refused.returncode == 1
    assert "does not stand there" in refused.stderr
    report_path.write_text('{"corrections": [{}], "verses": []}')
    assert "is no report of a correction" in mesh.tool("finish", path, check=False).stderr
    report_path.unlink()
    assert "correct the file first" in mesh.tool("finish", path, check=False).stderr


def test_the_file_of_a_job_is_got_with_its_decisions(mesh: Any) -> None:
    profile = Profile.read(mesh.directory / "client.json")
    with Client(profile) as client:
        file = pb.TranscriptFile(filename=f"job-{time.time_ns()}.srt", content=TALK.encode())
        job = client.transcripts.CreateJob(pb.CreateJobRequest(files=[file]))
        for frame in client.transcripts.WatchJob(pb.WatchJobRequest(name=job.name)):
            assert not frame.HasField("error")
        [done] = client.transcripts.ListJobFiles(pb.ListJobFilesRequest(parent=job.name)).files
        before = client.transcripts.GetResult(pb.GetResultRequest(name=done.name))
        assert not before.HasField("decisions")
        case = next(one for one in before.report.corrections if one.review_case)
        decide(mesh, case.review_case, verdict=review_pb2.VERDICT_CORRECT, decided_text="manipūra")
        after = client.transcripts.GetResult(
            pb.GetResultRequest(name=done.name, apply_decisions=True, include_cues=True)
        )
    assert after.filename.endswith(".final.srt")
    assert "manipūra" in after.content.decode()
    assert after.cues[case.cue - 1].corrected[case.start :].startswith("manipūra")
    assert after.decisions.decided_count == 1
    assert after.report == before.report
