"""What runs the gateway: health, metrics, logs, traces, pages, TLS and rate limits."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import socket
import ssl
import struct
import subprocess
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import httpx
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.trace.v1 import trace_pb2
from shodhana.api.transcripts.v1 import transcripts_pb2, transcripts_pb2_grpc
from shodhana.stack.gateway import browser_traces
from shodhana.stack.gateway_config import RateLimits

from tests.observability.collector import Collector, running_collector

if TYPE_CHECKING:
    from conftest import Gateway

EMBED = "/v1/embeddings:embed"
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
LOGGED = {
    *("time", "method", "path", "rpc", "status", "grpc_status", "flags", "details", "duration_ms", "received_bytes"),
    *("sent_bytes", "upstream", "attempts", "trace_id", "request_id", "subject"),
}
Start = Callable[..., AbstractContextManager["Gateway"]]


@pytest.fixture
def collector() -> Iterator[Collector]:
    with running_collector() as collector:
        yield collector


def test_health_and_readiness_need_no_token(gateway: Gateway) -> None:
    with gateway.client("") as client:
        assert client.get("/health").status_code == 200
        assert client.get("/ready").status_code == 200


def test_the_document_and_its_page_need_no_token_and_nothing_from_elsewhere(gateway: Gateway) -> None:
    with gateway.client("") as client:
        document, page = client.get("/openapi.json"), client.get("/docs")
        parts = [client.get(path) for path in ("/docs.css", "/docs.js")]
    assert document.headers["content-type"] == "application/json"
    assert "/v1/transcripts:correct" in document.json()["paths"]
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert [part.status_code for part in parts] == [200, 200]
    for part in (page, *parts):
        assert re.findall(r"https?://[^\s\"']+", part.text) == []


@pytest.mark.skipif(not BROWSER, reason="needs Chromium")
def test_the_page_is_drawn_by_a_browser_under_its_own_policy(gateway: Gateway, tmp_path: Path) -> None:
    command = [str(BROWSER), "--headless=new", "--no-sandbox", "--disable-gpu", "--ignore-certificate-errors"]
    command += [f"--user-data-dir={tmp_path}", "--virtual-time-budget=10000", "--enable-logging=stderr", "--dump-dom"]
    drawn = subprocess.run([*command, f"{gateway.url}/docs"], capture_output=True, text=True, timeout=120, check=True)
    with gateway.client("") as client:
        paths = client.get("/openapi.json").json()["paths"]
    operations = [operation["operationId"] for path in paths.values() for operation in path.values()]
    assert [name for name in operations if f'id="{name}"' not in drawn.stdout] == []
    assert "curl -X POST" in drawn.stdout
    assert "CONSOLE" not in drawn.stderr, drawn.stderr  # neither a script's error nor a breach of the policy


def test_trap_11_the_metrics_name_each_method_and_the_listener_shows_nothing_else(gateway: Gateway) -> None:
    with gateway.client() as client:
        client.get("/v1/jobs")
    address = f"http://{gateway.parameters.metrics}"
    text = httpx.get(f"{address}/metrics").text
    (row,) = (row for row in text.splitlines() if row.startswith("envoy_cluster_grpc_success{") and "ListJobs" in row)
    assert 'envoy_grpc_bridge_service="shodhana_api_transcripts_v1_TranscriptService"' in row
    assert "envoy_cluster_membership_healthy{" in text
    for path in ("/", "/config_dump", "/quitquitquit", "/stats"):
        assert httpx.get(address + path).status_code == 404
    assert httpx.post(f"{address}/metrics").status_code == 404


def test_the_access_log_tells_who_called_what_but_no_secret(gateway: Gateway) -> None:
    request_id = str(uuid.uuid4())
    token = gateway.keys.token("transcripts:read", sub="users/77")
    with gateway.client(token) as client:
        answer = client.get("/v1/jobs?pageToken=secret", headers={"x-request-id": request_id})
    assert answer.headers["x-request-id"] == request_id
    line = gateway.access_log(request_id)
    assert set(line) == LOGGED
    assert (line["method"], line["path"], line["status"]) == ("GET", "/v1/jobs", 200)
    assert line["rpc"] == "/shodhana.api.transcripts.v1.TranscriptService/ListJobs"
    assert line["subject"] == "users/77"
    assert line["upstream"] in {replica.address for replica in gateway.replicas}
    assert token not in json.dumps(line)
    assert "secret" not in json.dumps(line)


def test_the_gateways_spans_join_the_callers_and_the_services(start_gateway: Start, collector: Collector) -> None:
    trace_id, caller = uuid.uuid4().hex, uuid.uuid4().hex[:16]
    with start_gateway(otlp=collector.address) as gateway, gateway.client() as client:
        answer = client.post(
            EMBED,
            json={"model": "m", "texts": ["a"]},
            headers={"traceparent": f"00-{trace_id}-{caller}-01", "x-request-id": trace_id},
        )
        assert gateway.access_log(trace_id)["trace_id"] == trace_id
        spans = {span.kind: span for span in collector.of_trace(trace_id, 2)}
    server, upstream = spans[trace_pb2.Span.SPAN_KIND_SERVER], spans[trace_pb2.Span.SPAN_KIND_CLIENT]
    assert server.parent_span_id.hex() == caller
    assert upstream.parent_span_id == server.span_id
    handed_on = json.loads(answer.json()["modelFingerprint"])["metadata"]["traceparent"]
    assert handed_on == f"00-{trace_id}-{upstream.span_id.hex()}-01"


def test_the_dashboards_spans_reach_the_collector_without_what_says_whose_they_are(
    start_gateway: Start, collector: Collector
) -> None:
    span = trace_pb2.Span(trace_id=secrets.token_bytes(16), span_id=secrets.token_bytes(8), name="ListCases")
    scoped = [trace_pb2.ScopeSpans(spans=[span])]
    request = trace_service_pb2.ExportTraceServiceRequest(resource_spans=[trace_pb2.ResourceSpans(scope_spans=scoped)])
    with start_gateway(otlp=collector.address) as gateway:
        with gateway.client("") as client:
            assert client.post(browser_traces.PATH, **grpc_web(request)).status_code == 401
        with gateway.client(gateway.keys.token()) as client:
            answer = client.post(browser_traces.PATH, **grpc_web(request))
            assert answer.status_code == 200
            assert collector.of_trace(span.trace_id.hex(), 1) == [span]
            assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-trace-id"])
            long = trace_pb2.Span(name="x" * browser_traces.MAX_BYTES)
            request.resource_spans[0].scope_spans[0].spans.append(long)
            assert client.post(browser_traces.PATH, **grpc_web(request)).status_code == 413
    told = [metadata for metadata in collector.metadata if "x-request-id" in metadata]
    assert told
    assert not any({"authorization", "cookie", "x-csrf-token"} & set(metadata) for metadata in told)


def test_without_a_collector_no_spans_are_taken(gateway: Gateway) -> None:
    with gateway.client(gateway.keys.token()) as client:
        answer = client.post(browser_traces.PATH, **grpc_web(trace_service_pb2.ExportTraceServiceRequest()))
    assert answer.status_code == 404 or answer.headers["grpc-status"] == "12"
    assert "x-trace-id" not in answer.headers


def grpc_web(message: Any) -> dict[str, Any]:
    """A call of grpc-web, as httpx sends it."""
    content = message.SerializeToString()
    return {
        "content": b"\x00" + struct.pack(">I", len(content)) + content,
        "headers": {"content-type": "application/grpc-web+proto", "x-grpc-web": "1"},
    }


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("protocol", ["h2", "http/1.1"])
def test_tls_1_2_and_1_3_are_spoken_for_both_protocols(
    gateway: Gateway, version: ssl.TLSVersion, protocol: str
) -> None:
    context = ssl.create_default_context(cafile=str(gateway.parameters.certificate))
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols([protocol])
    host, _, port = gateway.parameters.listen.rpartition(":")
    with socket.create_connection((host, int(port))) as raw, context.wrap_socket(raw, server_hostname=host) as secure:
        assert secure.selected_alpn_protocol() == protocol
        assert secure.version() == {"TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}[version.name]


def test_tls_1_1_is_refused(gateway: Gateway) -> None:
    host, _, port = gateway.parameters.listen.rpartition(":")
    context = ssl.create_default_context(cafile=str(gateway.parameters.certificate))
    context.set_ciphers("ALL:@SECLEVEL=0")  # or this side would not even offer it
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection((host, int(port))) as raw,
        pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"),
    ):
        context.wrap_socket(raw, server_hostname=host)


def test_weak_tls_is_refused(gateway: Gateway) -> None:
    host, _, port = gateway.parameters.listen.rpartition(":")
    context = ssl.create_default_context(cafile=str(gateway.parameters.certificate))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA:@SECLEVEL=0")  # no forward secrecy
    with socket.create_connection((host, int(port))) as raw, pytest.raises(ssl.SSLError):
        context.wrap_socket(raw, server_hostname=host)


def test_replicas_are_found_through_dns(start_gateway: Start) -> None:
    with start_gateway(by_name=True) as gateway, gateway.client() as client:
        answers = {client.get("/v1/embeddings/models").json()["models"][0]["modelId"] for _ in range(50)}
    assert answers == {str(replica.port) for replica in gateway.replicas}


def test_plain_http_is_refused(gateway: Gateway) -> None:
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"http://{gateway.parameters.listen}/health")


def test_one_subject_over_its_rate_leaves_the_others_alone(start_gateway: Start) -> None:
    limits = RateLimits(total_per_s=1000, subject_per_s=1, token_per_s=1, burst_s=1)
    with start_gateway(rate_limits=limits) as gateway:
        greedy = gateway.keys.token("transcripts:read", sub="users/greedy")
        with gateway.client(greedy) as client:
            answers = [client.get("/v1/jobs") for _ in range(30)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert len(refused) >= 15
        assert refused[0].json()["code"] == 8
        details = {detail["@type"].rpartition(".")[2]: detail for detail in refused[0].json()["details"]}
        assert details["ErrorInfo"]["reason"] == "LIMIT_EXCEEDED"
        assert details["RetryInfo"]["retryDelay"] == "1s"
        assert refused[0].headers["retry-after"] == "1"
        with gateway.client(gateway.keys.token("transcripts:read", sub="users/modest")) as client:
            assert client.get("/v1/jobs").status_code == 200
        last = grpc_call(gateway, greedy)
        assert last.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        for detail, into in zip(rpc_status.from_call(last).details, (info, retry), strict=True):
            assert detail.Unpack(into)
        assert (info.reason, retry.retry_delay.seconds) == ("LIMIT_EXCEEDED", 1)


def grpc_call(gateway: Gateway, token: str) -> Any:
    """The last of thirty calls by native gRPC, ended."""
    credentials = grpc.ssl_channel_credentials(gateway.parameters.certificate.read_bytes())
    with grpc.secure_channel(gateway.parameters.listen, credentials) as channel:
        stub = transcripts_pb2_grpc.TranscriptServiceStub(channel)
        metadata = (("authorization", f"Bearer {token}"),)
        calls = [stub.ListJobs.future(transcripts_pb2.ListJobsRequest(), metadata=metadata) for _ in range(30)]
        calls[-1].exception()
        return calls[-1]


def test_asking_for_tokens_is_limited_by_address(start_gateway: Start) -> None:
    limits = RateLimits(total_per_s=1000, subject_per_s=1000, token_per_s=1, burst_s=1)
    body = {"clientId": "someone", "clientSecret": "guess"}
    with start_gateway(rate_limits=limits) as gateway, gateway.client("") as client:
        statuses = [client.post("/v1/tokens:issue", json=body).status_code for _ in range(30)]
        assert statuses[0] == 200
        assert statuses.count(429) >= 15
        assert client.get("/v1/jwks").status_code == 200
