"""Replicas that die, freeze, drain or answer errors."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import grpc
import pytest
from grpc_status import rpc_status
from shodhana.api.embedding.v1 import embedding_pb2, embedding_pb2_grpc
from shodhana.stack.gateway.replies import NOBODY_THERE

if TYPE_CHECKING:
    from conftest import Gateway

CALLS_PER_S = 100
LOAD_S = 4.0
FAULT_AT_S = 1.0


async def under_load(gateway: Gateway, fault: Callable[[], None]) -> Counter[str]:
    """100 reads a second for four seconds, the fault after the first; how the calls ended, by replica or code."""
    async with gateway.channel() as channel:
        stub = embedding_pb2_grpc.EmbeddingServiceStub(channel)
        calls: list[asyncio.Task[str]] = []
        began = time.monotonic()
        is_faulty = False
        while (now := time.monotonic() - began) < LOAD_S:
            if now > FAULT_AT_S and not is_faulty:
                is_faulty = True
                fault()
            calls.append(asyncio.create_task(outcome(lambda: list_models(stub, gateway))))
            await asyncio.sleep(max(0.0, len(calls) / CALLS_PER_S - (time.monotonic() - began)))
        return Counter(await asyncio.gather(*calls))


async def list_models(stub: embedding_pb2_grpc.EmbeddingServiceAsyncStub, gateway: Gateway) -> str:
    answer = await stub.ListModels(embedding_pb2.ListModelsRequest(), metadata=gateway.metadata(), timeout=10)
    return answer.models[0].model_id


async def outcome(call: Callable[[], Awaitable[str]]) -> str:
    try:
        return await call()
    except grpc.aio.AioRpcError as error:
        return f"{error.code().name}: {error.details()}"


def lost(outcomes: Counter[str]) -> dict[str, int]:
    return {name: count for name, count in outcomes.items() if not name.isdigit()}


async def test_one_connection_is_spread_over_both_replicas(gateway: Gateway) -> None:
    async with gateway.channel() as channel:
        stub = embedding_pb2_grpc.EmbeddingServiceStub(channel)
        answers = Counter([await list_models(stub, gateway) for _ in range(200)])
    assert len(answers) == 2
    assert min(answers.values()) >= 60


async def test_a_replica_killed_under_load_costs_no_read(own_gateway: Gateway) -> None:
    outcomes = await under_load(own_gateway, own_gateway.replicas[0].kill)
    assert lost(outcomes) == {}
    assert sum(outcomes.values()) >= CALLS_PER_S * LOAD_S * 0.9
    name = "cluster.embedding.outlier_detection.ejections_enforced_consecutive_local_origin_failure"
    assert own_gateway.statistics(name)[name] >= 1  # sooner than its health check would tell


async def test_a_replica_that_freezes_under_load_costs_no_read(own_gateway: Gateway) -> None:
    process = own_gateway.replicas[0].process
    outcomes = await under_load(own_gateway, lambda: process.send_signal(signal.SIGSTOP))
    assert lost(outcomes) == {}


async def test_a_replica_that_drains_under_load_costs_no_read_and_gets_no_more(own_gateway: Gateway) -> None:
    draining = own_gateway.replicas[0]
    outcomes = await under_load(own_gateway, lambda: draining.process.send_signal(signal.SIGUSR1))
    assert lost(outcomes) == {}
    own_gateway.wait_until_healthy(1)
    async with own_gateway.channel() as channel:
        stub = embedding_pb2_grpc.EmbeddingServiceStub(channel)
        assert {await list_models(stub, own_gateway) for _ in range(20)} == {str(own_gateway.replicas[1].port)}
    draining.process.send_signal(signal.SIGUSR2)
    own_gateway.wait_until_healthy(2)


def test_a_write_that_arrived_is_never_sent_again(own_gateway: Gateway) -> None:
    with own_gateway.client() as client:
        answer = client.post("/v1/jobs", json={"displayName": "die"})
    assert answer.status_code == 503
    assert answer.json()["code"] == 14
    assert len(own_gateway.replicas[0].attempts.read_text().splitlines()) == 1


def test_a_write_to_a_dead_replica_goes_to_the_other(own_gateway: Gateway) -> None:
    own_gateway.replicas[0].kill()
    with own_gateway.client() as client:
        answers = [client.post("/v1/jobs", json={"displayName": "live"}).status_code for _ in range(10)]
    assert answers == [200] * 10


async def test_no_healthy_replica_is_said_at_once(own_gateway: Gateway) -> None:
    for replica in own_gateway.replicas:
        replica.process.send_signal(signal.SIGUSR1)
    own_gateway.wait_until_healthy(0)
    with own_gateway.client() as client:
        ends_at = time.monotonic() + 30  # the workers learn of it a little after the count changes
        while (answer := client.get("/v1/embeddings/models")).status_code == 200:
            assert time.monotonic() < ends_at
        ready, alive = client.get("/ready"), client.get("/health")
    assert (answer.status_code, answer.json()["details"][0]["reason"]) == (503, "DEPENDENCY_UNAVAILABLE")
    assert answer.elapsed.total_seconds() < 10
    assert (ready.status_code, alive.status_code) == (503, 200)
    assert "no healthy replica" in ready.json()["message"]
    async with own_gateway.channel() as channel:
        stub = embedding_pb2_grpc.EmbeddingServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await list_models(stub, own_gateway)
        kinds = [detail.TypeName() for detail in rpc_status.from_call(refused.value).details]
        assert kinds == ["google.rpc.ErrorInfo", "google.rpc.RetryInfo"]
        ended = await outcome(lambda: list_models(stub, own_gateway))
    assert ended == f"UNAVAILABLE: {NOBODY_THERE}"  # trap 5: words, not a JSON document
    assert answer.json()["details"][-1]["retryDelay"] == "1s"


def test_trap_8_errors_of_the_application_eject_no_replica(own_gateway: Gateway) -> None:
    with own_gateway.client() as client:
        for model, status in (("internal", 500), ("unavailable", 503)):
            answers = [client.post("/v1/embeddings:embed", json={"model": model, "texts": ["a"]}) for _ in range(30)]
            assert {answer.status_code for answer in answers} == {status}
    counts = own_gateway.statistics(r"cluster\.embedding\.(outlier_detection\.ejections_active|membership_healthy)")
    assert counts["cluster.embedding.outlier_detection.ejections_active"] == 0
    assert counts["cluster.embedding.membership_healthy"] == 2


async def test_trap_9_a_burst_on_cold_connections_is_answered(own_gateway: Gateway) -> None:
    async with own_gateway.channel() as channel:
        stub = embedding_pb2_grpc.EmbeddingServiceStub(channel)
        outcomes = Counter(await asyncio.gather(*(outcome(lambda: list_models(stub, own_gateway)) for _ in range(190))))
    assert lost(outcomes) == {}


def test_trap_13_a_taken_port_fails_the_start(gateway: Gateway) -> None:
    command = [str(part) for part in gateway.process.args]  # type: ignore[union-attr]
    second = subprocess.run(command, capture_output=True, timeout=30, check=False, start_new_session=True)
    assert second.returncode != 0
