"""One trace from the caller through the gateway and every service, and across the workers."""

from __future__ import annotations

import secrets
import time
import uuid
from typing import Any

from shodhana.api.transcripts.v1 import transcripts_pb2 as pb
from shodhana_client import connect

TEXT = "The praabda of one man is not the {} of another.\n"


def correct(mesh: Any, trace_id: str, span_id: str) -> None:
    content = TEXT.format(uuid.uuid4().hex[:0] + "samadi").encode()
    request = pb.CorrectTranscriptRequest(file=pb.TranscriptFile(filename=f"{uuid.uuid4()}.txt", content=content))
    with connect(mesh.profile) as client:
        client.transcripts.CorrectTranscript(request, metadata=(("traceparent", f"00-{trace_id}-{span_id}-01"),))


def spans_of(mesh: Any, trace_id: str, wanted: set[str], root: str) -> list[tuple[str, Any]]:
    """The spans of a trace, once those of the wanted services have come in with all their parents: each process sends
    its own when it likes."""
    ends_at = time.monotonic() + 90
    while time.monotonic() < ends_at:
        spans: list[tuple[str, Any]] = mesh.collector.of(trace_id)
        if wanted <= {service for service, _ in spans} and not orphans_of(spans, root):
            return spans
        time.sleep(0.2)
    services = sorted({service for service, _ in mesh.collector.of(trace_id)})
    raise AssertionError(f"{services} of {sorted(wanted)}; orphans: {orphans_of(mesh.collector.of(trace_id), root)}")


def orphans_of(spans: list[tuple[str, Any]], root: str) -> list[tuple[str, str]]:
    """Service and name of each span whose parent is neither in the trace nor the caller's own."""
    ids = {span.span_id.hex() for _, span in spans} | {root}
    return [(service, span.name) for service, span in spans if span.parent_span_id.hex() not in ids]


def parent_services(spans: list[tuple[str, Any]]) -> set[tuple[str, str]]:
    """(parent's service, child's service) of spans that cross services."""
    homes = {span.span_id: service for service, span in spans}
    crossings = ((homes.get(span.parent_span_id, "caller"), service) for service, span in spans)
    return {(parent, child) for parent, child in crossings if parent != child}


def test_a_correction_is_one_trace_without_orphans(mesh: Any) -> None:
    trace_id, span_id = secrets.token_hex(16), secrets.token_hex(8)
    correct(mesh, trace_id, span_id)
    spans = spans_of(mesh, trace_id, {"gateway", "transcripts", "similarity", "quality"}, span_id)
    crossings = parent_services(spans)
    assert {("caller", "gateway"), ("gateway", "transcripts"), ("transcripts", "similarity")} <= crossings
    assert ("transcripts", "quality") in crossings
    assert any("INSERT" in span.name or "db" in str(span.attributes) for service, span in spans if service == "quality")


def test_a_search_for_a_new_word_reaches_the_embedding_service_and_redis(mesh: Any) -> None:
    trace_id, span_id = secrets.token_hex(16), secrets.token_hex(8)
    word = "q" + "".join(chr(ord("a") + b % 26) for b in secrets.token_bytes(12))
    from shodhana.api.similarity.v1 import similarity_pb2

    with connect(mesh.profile) as client:
        request = similarity_pb2.SearchRequest(query=word)
        client.similarity.Search(request, metadata=(("traceparent", f"00-{trace_id}-{span_id}-01"),))
    spans = spans_of(mesh, trace_id, {"gateway", "similarity", "embedding"}, span_id)
    assert ("similarity", "embedding") in parent_services(spans)
    systems = {item.value.string_value for _, span in spans for item in span.attributes if item.key == "db.system"}
    assert "redis" in systems


def test_a_job_is_one_trace_across_the_workers(mesh: Any) -> None:
    trace_id, span_id = secrets.token_hex(16), secrets.token_hex(8)
    file = pb.TranscriptFile(filename="job.txt", content=TEXT.format("dhyan").encode())
    with connect(mesh.profile) as client:
        job = client.transcripts.CreateJob(
            pb.CreateJobRequest(files=[file], request_id=str(uuid.uuid4())),
            metadata=(("traceparent", f"00-{trace_id}-{span_id}-01"),),
        )
        frames = list(client.transcripts.WatchJob(pb.WatchJobRequest(name=job.name), timeout=60))
    assert frames[-1].done.succeeded_count == 1
    spans = spans_of(mesh, trace_id, {"gateway", "transcripts", "worker", "similarity"}, span_id)
    assert {("transcripts", "worker"), ("worker", "similarity")} <= parent_services(spans)
