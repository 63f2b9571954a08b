"""The life of a service as a process: readiness, reflection, metrics, logs, traces, limits."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from shodhana.api.similarity.v1 import similarity_pb2 as pb
from shodhana.api.similarity.v1 import similarity_pb2_grpc
from shodhana.stack.ports import free_port

SERVICE = "shodhana.api.similarity.v1.SimilarityService"
SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
DEADLINE_S = 60
TRACE_ID, SPAN_ID = "ab" * 16, "cd" * 8


async def test_it_is_ready_when_everything_it_needs_is(start: Any) -> None:
    process = await start(ready=False)
    await process.until_status(NOT_SERVING)
    await process.until_status(SERVING, "always")
    assert [await process.status(name) for name in ("", SERVICE, "door")] == [NOT_SERVING] * 3
    process.release("ready")
    for name in ("", SERVICE, "door"):
        await process.until_status(SERVING, name)
    (process.directory / "ready").unlink()
    await process.until_status(NOT_SERVING)
    readiness = [line for line in process.logs if line["event"] == "readiness"]
    told = [(line["ready"], line["failing"]) for line in readiness]
    assert told == [(False, ["door", "spared"]), (True, ["spared"]), (False, ["door", "spared"])]


async def test_what_it_is_ready_without_is_reported_by_its_name(start: Any) -> None:
    process = await start()
    await process.until_status(SERVING)
    assert await process.status("spared") == NOT_SERVING
    process.release("spared")
    await process.until_status(SERVING, "spared")


async def test_work_in_the_background_is_begun_again(start: Any, until: Any) -> None:
    process = await start()
    await until(lambda: "flaky work done" in process.events)
    [failed] = [line for line in process.logs if line["event"] == "background_failed"]
    assert (failed["task"], failed["level"]) == ("flaky", "error")
    assert "RuntimeError: first time" in failed["exception"]


@pytest.mark.parametrize("enabled", [True, False])
async def test_reflection_is_a_switch(start: Any, enabled: bool) -> None:
    process = await start(REFLECTION_ENABLED=str(enabled))
    await process.until_status(SERVING)
    async with grpc.aio.insecure_channel(process.target) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        answers = stub.ServerReflectionInfo(
            iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=60
        )
        if enabled:
            listed = (await answers.read()).list_services_response.service
            assert SERVICE in {service.name for service in listed}
        else:
            assert await answers.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_metrics_carry_the_trace_of_a_sampled_call(start: Any, collector: Any, metadata: Any) -> None:
    port = free_port()
    process = await start(METRICS_ADDRESS=f"127.0.0.1:{port}", OTEL_EXPORTER_OTLP_ENDPOINT=collector[1])
    await process.until_status(SERVING)
    async with grpc.aio.insecure_channel(process.target) as channel:
        stub = similarity_pb2_grpc.SimilarityServiceStub(channel)
        for trace_id, sampled in ((TRACE_ID, "01"), ("ef" * 16, "00")):
            headers = metadata(traceparent=f"00-{trace_id}-{SPAN_ID}-{sampled}")
            await stub.Search(pb.SearchRequest(query="bakti"), metadata=headers)
    async with httpx.AsyncClient() as http:
        accept = {"accept": "application/openmetrics-text; version=1.0.0"}
        page = (await http.get(f"http://127.0.0.1:{port}/metrics", headers=accept)).text
    calls = [line for line in page.splitlines() if line.startswith("rpc_server_call_duration_seconds")]
    labels = f'rpc_method="Search",rpc_response_status_code="OK",rpc_service="{SERVICE}"'
    assert any(line.startswith(f"rpc_server_call_duration_seconds_count{{{labels}}} 2") for line in calls)
    assert any(f'# {{trace_id="{TRACE_ID}"}}' in line for line in calls)
    assert "ef" * 16 not in page


async def test_each_line_of_the_log_is_json_with_service_and_trace(start: Any, metadata: Any, until: Any) -> None:
    process = await start(SERVICE_NAME="tests")
    await process.until_status(SERVING)
    async with grpc.aio.insecure_channel(process.target) as channel:
        stub = similarity_pb2_grpc.SimilarityServiceStub(channel)
        headers = metadata(traceparent=f"00-{TRACE_ID}-{SPAN_ID}-00")
        await stub.Search(pb.SearchRequest(query="bhagavan"), metadata=headers)
    await until(lambda: any(line["event"] == "rpc" for line in process.logs))
    [line] = [line for line in process.logs if line["event"] == "rpc"]
    assert (line["trace_id"], line["service"], line["level"], line["code"]) == (TRACE_ID, "tests", "info", "OK")
    assert line["timestamp"].endswith("Z")
    assert "bhagavan" not in (process.directory / "log").read_text()


async def test_without_an_endpoint_nothing_is_exported(start: Any, metadata: Any) -> None:
    process = await start()
    await process.until_status(SERVING)
    async with grpc.aio.insecure_channel(process.target) as channel:
        stub = similarity_pb2_grpc.SimilarityServiceStub(channel)
        await stub.Search(pb.SearchRequest(query="bakti"), metadata=metadata())
    assert await process.stop() == 0
    assert process.complaints == ""
    assert all("trace_id" not in line or not line["trace_id"] for line in process.logs)


async def test_a_collector_that_is_away_costs_neither_calls_nor_the_end(start: Any, metadata: Any) -> None:
    process = await start(STOP_GRACE_S="100", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}")
    await process.until_status(SERVING)
    async with grpc.aio.insecure_channel(process.target) as channel:
        stub = similarity_pb2_grpc.SimilarityServiceStub(channel)
        for _ in range(20):
            await stub.Search(pb.SearchRequest(query="bakti"), metadata=metadata(), timeout=30)
    assert await process.stop() == 0  # within DEADLINE_S


async def test_a_taken_port_fails_the_start(start: Any) -> None:
    process = await start()
    await process.until_status(SERVING)
    second = await start(LISTEN_ADDRESS=process.target)
    assert await asyncio.wait_for(second.process.wait(), DEADLINE_S) != 0
    assert await process.status() == SERVING


async def test_more_calls_than_it_takes_are_refused_at_once(serve: Any, until: Any) -> None:
    gate = asyncio.Event()

    async def wait(request: Any, context: Any) -> pb.SearchResponse:
        await gate.wait()
        return pb.SearchResponse()

    served = await serve(maximum_concurrent_rpcs=3)
    served.script.search = wait
    request = pb.SearchRequest(query="bakti")
    held = [asyncio.ensure_future(served.similarity.Search(request, metadata=served.metadata())) for _ in range(3)]
    await until(lambda: len(served.script.calls) == 3)
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await served.similarity.Search(request, metadata=served.metadata(), timeout=5)
    assert refusal.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    gate.set()
    await asyncio.gather(*held)


async def test_a_message_that_was_compressed_is_not_expanded_past_the_limit(serve: Any) -> None:
    served = await serve(max_message_bytes=100_000)
    options = [("grpc.max_send_message_length", -1)]
    bomb = pb.SearchRequest(context="x" * 50_000_000)
    async with grpc.aio.insecure_channel(served.target, options, compression=grpc.Compression.Gzip) as channel:
        stub = similarity_pb2_grpc.SimilarityServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await stub.Search(bomb, metadata=served.metadata(), timeout=20)
    assert refusal.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert served.script.calls == []


async def test_a_message_over_the_limit_is_refused(serve: Any) -> None:
    served = await serve(max_message_bytes=100_000)
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await served.similarity.Search(pb.SearchRequest(context="x" * 200_000), metadata=served.metadata(), timeout=5)
    assert refusal.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert served.script.calls == []
