"""What a call leaves behind: attributes that traces are found by, and log lines that lead to the trace."""

from __future__ import annotations

import json
import secrets
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from shodhana.api.transcripts.v1 import transcripts_pb2 as pb
from shodhana_client import connect

TEXT = "The praabda of one man is not the samadi of another.\n"
TOLD_S = 90.0


def parent_context() -> tuple[str, str]:
    """A trace's id and the header that begins it."""
    trace_id = secrets.token_hex(16)
    return trace_id, f"00-{trace_id}-{secrets.token_hex(8)}-01"


def wait_for_span(mesh: Any, trace_id: str, wanted: Callable[[str, Any], bool]) -> Any:
    """The first span for whose service and itself `wanted` holds, once it has come."""
    ends_at = time.monotonic() + TOLD_S
    while time.monotonic() < ends_at:
        for service, span in mesh.collector.of(trace_id):
            if wanted(service, span):
                return service, span
        time.sleep(0.1)
    known = sorted({(service, span.name) for service, span in mesh.collector.of(trace_id)})
    raise AssertionError(f"not within {TOLD_S:.0f} s; there are {known}")


def attributes_of(mesh: Any, trace_id: str, service: str, name: str) -> dict[str, Any]:
    """Of a service's span whose name ends so."""
    _, span = wait_for_span(mesh, trace_id, lambda found, span: found == service and span.name.endswith(name))
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in span.attributes}


def logged(mesh: Any, trace_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Service and line of every log line of a trace."""
    for path in sorted(Path(mesh.directory, "logs").glob("*.log")):
        for line in path.read_text(errors="replace").splitlines():
            if trace_id in line and line.startswith("{"):
                yield path.stem.rpartition("-")[0] or path.stem, json.loads(line)


def wait_for_lines(mesh: Any, trace_id: str, services: set[str]) -> list[tuple[str, dict[str, Any]]]:
    ends_at = time.monotonic() + TOLD_S
    while not services <= {service for service, _ in logged(mesh, trace_id)}:
        assert time.monotonic() < ends_at, f"logs of {services} lack trace {trace_id}"
        time.sleep(0.2)
    return list(logged(mesh, trace_id))


def test_a_correction_says_in_its_trace_what_it_did(mesh: Any) -> None:
    trace_id, header = parent_context()
    file = pb.TranscriptFile(filename=f"{uuid.uuid4()}.txt", content=TEXT.encode())
    with connect(mesh.profile) as client:
        client.transcripts.CorrectTranscript(
            pb.CorrectTranscriptRequest(file=file), metadata=(("traceparent", header),)
        )
    told = attributes_of(mesh, trace_id, "transcripts", "TranscriptService/CorrectTranscript")
    assert {"applied_count", "suggested_count", "token_count", "requires_review"} <= names(told)
    assert (told["shodhana.cue_count"], told["shodhana.degraded"]) == (1, False)
    assert told["shodhana.lexicon_version"].startswith("lexiconVersions/")
    searched = attributes_of(mesh, trace_id, "similarity", "SimilarityService/BatchSearch")
    assert searched["shodhana.cache.search_terms.hits"] + searched["shodhana.cache.search_terms.misses"] > 0
    assert searched["shodhana.query_count"] > 0


def test_a_file_of_a_job_says_how_long_it_waited_and_its_log_leads_to_the_trace(mesh: Any) -> None:
    trace_id, header = parent_context()
    file = pb.TranscriptFile(filename="job.txt", content=TEXT.encode())
    with connect(mesh.profile) as client:
        request = pb.CreateJobRequest(files=[file], request_id=str(uuid.uuid4()))
        job = client.transcripts.CreateJob(request, metadata=(("traceparent", header),))
        list(client.transcripts.WatchJob(pb.WatchJobRequest(name=job.name), timeout=60))
    told = attributes_of(mesh, trace_id, "worker", "correct_file")
    assert told["shodhana.queue_wait_ms"] >= 0
    assert told["job.attempt"] == 1
    lines = wait_for_lines(mesh, trace_id, {"gateway", "transcripts", "worker", "similarity", "quality"})
    assert any(line.get("event") == "file_corrected" for service, line in lines if service == "worker")


@pytest.mark.parametrize("path", ["/v1/jobs", "/shodhana.api.transcripts.v1.TranscriptService/ListJobs"])
def test_a_browser_s_trace_goes_on_behind_the_gateway(mesh: Any, path: str) -> None:
    trace_id, header = parent_context()
    with mesh.rest() as client:
        if path.startswith("/v1"):
            answer = client.get(path, headers={"traceparent": header})
        else:
            web = {"content-type": "application/grpc-web+proto", "x-grpc-web": "1", "traceparent": header}
            answer = client.post(path, headers=web, content=b"\0" * 5)
    assert answer.status_code == 200
    attributes_of(mesh, trace_id, "transcripts", "TranscriptService/ListJobs")
    caller = header.split("-")[2]
    service, _ = wait_for_span(mesh, trace_id, lambda _, span: span.parent_span_id.hex() == caller)
    assert service == "gateway"


def names(attributes: dict[str, Any]) -> set[str]:
    return {name.removeprefix("shodhana.") for name in attributes}
