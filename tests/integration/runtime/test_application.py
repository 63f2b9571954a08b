"""The life of a service as a process: readiness, reflection, metrics, traces, and an end that loses nothing."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from shodhana.api.similarity.v1 import similarity_pb2 as pb
from shodhana.api.similarity.v1 import similarity_pb2_grpc
from shodhana.runtime.channels import MeshChannel
from shodhana.runtime.replicas import Replicas
from shodhana.stack.ports import free_port

SERVICE = "shodhana.api.similarity.v1.SimilarityService"
SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
DEADLINE_S = 30
TRACE_ID, SPAN_ID = "ab" * 16, "cd" * 8


@dataclass
class Process:
    """A running service, and the files it speaks by."""

    process: asyncio.subprocess.Process
    target: str
    directory: Path

    @property
    def events(self) -> list[str]:
        path = self.directory / "events"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def logs(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.directory / "log").read_text().splitlines()]

    @property
    def complaints(self) -> str:
        return (self.directory / "complaints").read_text()

    def release(self, name: str) -> None:
        (self.directory / name).touch()

    async def status(self, service: str = "") -> int:
        """The health; 0 while it does not answer."""
        async with grpc.aio.insecure_channel(self.target) as channel:
            try:
                request = health_pb2.HealthCheckRequest(service=service)
                return int((await health_pb2_grpc.HealthStub(channel).Check(request, timeout=2)).status)
            except grpc.aio.AioRpcError:
                return 0

    async def until_status(self, status: int, service: str = "") -> None:
        async with asyncio.timeout(DEADLINE_S):
            while await self.status(service) != status:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        async with asyncio.timeout(DEADLINE_S):
            return await self.process.wait()


Start = Callable[..., Awaitable[Process]]


@pytest.fixture
async def start(tmp_path: Path, signer: Any) -> AsyncIterator[Start]:
    """Starts a process; `ready` lets its door stand open from the beginning."""
    started: list[asyncio.subprocess.Process] = []

    async def start(ready: bool = True, **settings: str) -> Process:
        directory = tmp_path / f"process-{len(started)}"
        directory.mkdir()
        if ready:
            (directory / "ready").touch()
        target = f"127.0.0.1:{free_port()}"
        environment = {
            "LISTEN_ADDRESS": target,
            "JWKS_PATH": str(tmp_path / "jwks.json"),
            "EVENTS_PATH": str(directory / "events"),
            "READY_PATH": str(directory / "ready"),
            "RELEASE_PATH": str(directory / "release"),
            "DRAIN_S": "0.3",
            "STOP_GRACE_S": "5",
            **settings,
        }
        with (directory / "log").open("w") as log, (directory / "complaints").open("w") as complaints:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, str(Path(__file__).with_name("service.py"))),
                env=os.environ | environment,
                stdout=log,
                stderr=complaints,
            )
        started.append(process)
        return Process(process, target, directory)

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.wait()


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps the spans that arrive over OTLP."""

    def __init__(self) -> None:
        self.spans: list[Any] = []

    async def Export(self, request: Any, context: Any) -> Any:
        scopes = (scope for resource in request.resource_spans for scope in resource.scope_spans)
        self.spans.extend(span for scope in scopes for span in scope.spans)
        return trace_service_pb2.ExportTraceServiceResponse()


@pytest.fixture
async def collector() -> AsyncIterator[tuple[Collector, str]]:
    server, servicer = grpc.aio.server(), Collector()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield servicer, f"http://127.0.0.1:{port}"
    await server.stop(0)


@pytest.fixture
def metadata(signer: Any) -> Callable[..., tuple[tuple[str, str], ...]]:
    def metadata(**headers: str) -> tuple[tuple[str, str], ...]:
        now = int(time.time())
        common = {"iss": "https://identity.shodhana.local", "aud": "shodhana", "sub": "tester", "exp": now + 600}
        token = signer.sign(common | {"permissions": ["lexicon:read"]})
        return (("authorization", f"Bearer {token}"), *headers.items())

    return metadata


async def test_it_stops_in_order_and_loses_nothing(
    start: Start, collector: tuple[Collector, str], metadata: Any, until: Any
) -> None:
    spans, endpoint = collector
    process = await start(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
    await process.until_status(SERVING)
    async with grpc.aio.insecure_channel(process.target) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == SERVING
        stub = similarity_pb2_grpc.SimilarityServiceStub(channel)
        traced = metadata(traceparent=f"00-{TRACE_ID}-{SPAN_ID}-01")
        slow = asyncio.ensure_future(stub.Search(pb.SearchRequest(query="slow"), metadata=traced))
        await until(lambda: "slow call arrived" in process.events)
        process.process.send_signal(signal.SIGTERM)
        assert (await asyncio.wait_for(watch.read(), DEADLINE_S)).status == NOT_SERVING
        await stub.Search(pb.SearchRequest(query="late"), metadata=metadata())  # load balancers have yet to notice
        process.release("release")
        await slow
    assert await asyncio.wait_for(process.process.wait(), DEADLINE_S) == 0
    stages = [event for event in process.events if event != "flaky work done"]
    assert stages == ["slow call arrived", "slow call answered", "worker stopped, store open", "store closed"]
    names = [span.name for span in spans.spans]
    assert names.index(f"{SERVICE}/Search") < names.index("close the store")  # telemetry went last
    [served] = [span for span in spans.spans if span.trace_id.hex() == TRACE_ID]
    assert served.parent_span_id.hex() == SPAN_ID
    assert process.logs[-1]["event"] == "stopped"


async def test_one_who_watches_its_health_does_not_hold_it_up(start: Start) -> None:
    process = await start(STOP_GRACE_S="25")
    await process.until_status(SERVING)
    async with grpc.aio.insecure_channel(process.target) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == SERVING
        began = time.monotonic()
        assert await process.stop(signal.SIGINT) == 0
        assert time.monotonic() - began < 10


async def test_a_rolling_stop_loses_no_call(start: Start, metadata: Any, until: Any) -> None:
    processes = [await start(), await start()]
    await asyncio.gather(*(process.until_status(SERVING) for process in processes))
    async with load(processes, metadata) as counts:
        await until(lambda: sum(counts.values()) > 200)
        assert await processes[0].stop() == 0
        answered = counts["ok"]
        await until(lambda: counts["ok"] > answered + 200)
    assert list(counts) == ["ok"]
    assert served(processes[0]) > 50
    assert served(processes[1]) > 250


async def test_a_killed_replica_costs_no_repeatable_call(start: Start, metadata: Any, until: Any) -> None:
    processes = [await start(), await start()]
    await asyncio.gather(*(process.until_status(SERVING) for process in processes))
    async with load(processes, metadata) as counts:
        await until(lambda: sum(counts.values()) > 200)
        await processes[0].stop(signal.SIGKILL)
        answered = counts["ok"]
        await until(lambda: counts["ok"] > answered + 200)
    assert list(counts) == ["ok"]


class load:  # noqa: N801 - reads as the context it is
    """Eight callers through one channel of the mesh; counts their answers."""

    def __init__(self, processes: list[Process], metadata: Any) -> None:
        self._channel = MeshChannel("similarity", Replicas("similarity", [one.target for one in processes]))
        self._stub = similarity_pb2_grpc.SimilarityServiceStub(self._channel)  # type: ignore[arg-type]
        self._metadata = metadata()
        self._counts = Counter[str]()

    async def __aenter__(self) -> Counter[str]:
        self._callers = [asyncio.create_task(self._call()) for _ in range(8)]
        return self._counts

    async def __aexit__(self, *_: object) -> None:
        for caller in self._callers:
            caller.cancel()
        await asyncio.gather(*self._callers, return_exceptions=True)
        await self._channel.close()

    async def _call(self) -> None:
        while True:
            try:
                await self._stub.Search(pb.SearchRequest(query="quick"), metadata=self._metadata, timeout=5)
                self._counts["ok"] += 1
            except grpc.aio.AioRpcError as error:
                self._counts[f"{error.code().name}: {error.details()}"] += 1
            await asyncio.sleep(0.005)


def served(process: Process) -> int:
    return sum(line["event"] == "rpc" for line in process.logs)


async def test_it_is_ready_when_everything_it_needs_is(start: Start) -> None:
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
    assert [line["failing"] for line in readiness] == [["door"], [], ["door"]]


async def test_work_in_the_background_is_begun_again(start: Start, until: Any) -> None:
    process = await start()
    await until(lambda: "flaky work done" in process.events)
    [failed] = [line for line in process.logs if line["event"] == "background_failed"]
    assert (failed["task"], failed["level"]) == ("flaky", "error")
    assert "RuntimeError: first time" in failed["exception"]


@pytest.mark.parametrize("enabled", [True, False])
async def test_reflection_is_a_switch(start: Start, enabled: bool) -> None:
    process = await start(REFLECTION_ENABLED=str(enabled))
    await process.until_status(SERVING)
    async with grpc.aio.insecure_channel(process.target) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        answers = stub.ServerReflectionInfo(
            iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=10
        )
        if enabled:
            listed = (await answers.read()).list_services_response.service
            assert SERVICE in {service.name for service in listed}
        else:
            with pytest.raises(grpc.aio.AioRpcError) as refusal:
                await answers.read()
            assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_metrics_carry_the_trace_of_a_sampled_call(
    start: Start, collector: tuple[Collector, str], metadata: Any
) -> None:
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


async def test_each_line_of_the_log_is_json_with_service_and_trace(start: Start, metadata: Any, until: Any) -> None:
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


async def test_without_an_endpoint_nothing_is_exported(start: Start, metadata: Any) -> None:
    process = await start()
    await process.until_status(SERVING)
    async with grpc.aio.insecure_channel(process.target) as channel:
        stub = similarity_pb2_grpc.SimilarityServiceStub(channel)
        await stub.Search(pb.SearchRequest(query="bakti"), metadata=metadata())
    assert await process.stop() == 0
    assert process.complaints == ""
    assert all("trace_id" not in line or not line["trace_id"] for line in process.logs)


async def test_a_collector_that_is_away_costs_neither_calls_nor_the_end(start: Start, metadata: Any) -> None:
    process = await start(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}")
    await process.until_status(SERVING)
    async with grpc.aio.insecure_channel(process.target) as channel:
        stub = similarity_pb2_grpc.SimilarityServiceStub(channel)
        for _ in range(20):
            await stub.Search(pb.SearchRequest(query="bakti"), metadata=metadata(), timeout=2)
    began = time.monotonic()
    assert await process.stop() == 0
    assert time.monotonic() - began < 10


async def test_a_taken_port_fails_the_start(start: Start) -> None:
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


async def test_a_message_over_the_limit_is_refused(serve: Any) -> None:
    served = await serve(max_message_bytes=100_000)
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await served.similarity.Search(pb.SearchRequest(context="x" * 200_000), metadata=served.metadata(), timeout=5)
    assert refusal.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert served.script.calls == []
