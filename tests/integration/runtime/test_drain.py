"""The end of a process: in order, and nothing is lost."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from shodhana.api.similarity.v1 import similarity_pb2 as pb
from shodhana.api.similarity.v1 import similarity_pb2_grpc
from shodhana.runtime.channels import MeshChannel
from shodhana.runtime.replicas import Replicas

SERVICE = "shodhana.api.similarity.v1.SimilarityService"
SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
DEADLINE_S = 60
TRACE_ID, SPAN_ID = "ab" * 16, "cd" * 8


async def test_it_stops_in_order_and_loses_nothing(start: Any, collector: Any, metadata: Any, until: Any) -> None:
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


async def test_one_who_watches_its_health_does_not_hold_it_up(start: Any) -> None:
    process = await start(STOP_GRACE_S="100")
    await process.until_status(SERVING)
    async with grpc.aio.insecure_channel(process.target) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == SERVING
        assert await process.stop(signal.SIGINT) == 0  # within DEADLINE_S


async def test_a_rolling_stop_loses_no_call(start: Any, metadata: Any, until: Any) -> None:
    processes = [await start(), await start()]
    await asyncio.gather(*(process.until_status(SERVING) for process in processes))
    async with load(processes, metadata) as counts:
        await until(lambda: sum(counts.values()) > 200)
        assert await processes[0].stop() == 0
        answered = counts["ok"]
        await until(lambda: counts["ok"] > answered + 200)
    assert list(counts) == ["ok"]
    assert served(processes[0]) > 10
    assert served(processes[1]) > 250


async def test_a_killed_replica_costs_no_repeatable_call(start: Any, metadata: Any, until: Any) -> None:
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

    def __init__(self, processes: list[Any], metadata: Any) -> None:
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
                await self._stub.Search(pb.SearchRequest(query="quick"), metadata=self._metadata, timeout=30)
                self._counts["ok"] += 1
            except grpc.aio.AioRpcError as error:
                self._counts[f"{error.code().name}: {error.details()}"] += 1
            await asyncio.sleep(0.005)


def served(process: Any) -> int:
    return sum(line["event"] == "rpc" for line in process.logs)
