"""The process: overload, the core engine alone, its end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from shodhana.api.embedding.v1 import embedding_pb2 as pb

DEADLINE_S = 60
BYPASS = {"cache": pb.CACHE_POLICY_BYPASS}
BULK = {"priority": pb.PRIORITY_BULK, **BYPASS}
QUEUED_TOKENS = 2500
WORK = [" ".join("abcdefghijklmnopqrstuvwxyz" * 3)] * 20  # 1,600 tokens; bulk may fill three quarters of the queue


def work(name: str) -> list[str]:
    """Texts that keep the engine busy for a while and that no other test shares."""
    return [f"{name} {number} {text}" for number, text in enumerate(WORK)]


@pytest.fixture(scope="session")
def small(replicas: Any) -> Any:
    """A replica whose queue holds little."""
    return replicas.start(MAX_QUEUED_TOKENS=str(QUEUED_TOKENS)).until_ready()


@pytest.fixture
def caller(connect: Any, small: Any) -> Any:
    return connect(small)


async def test_more_tokens_than_the_queue_holds_are_refused_with_a_time_to_come_back(caller: Any) -> None:
    running = asyncio.gather(
        *(caller.embed(*work(name), **BULK) for name in ("one", "two", "three")), return_exceptions=True
    )
    refusals = [answer for answer in await running if isinstance(answer, grpc.aio.AioRpcError)]
    assert 1 <= len(refusals) < 3
    for refusal in refusals:
        assert refusal.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert _reason(refusal) == "QUEUE_FULL"
        assert 0.05 <= _retry_s(refusal) < 30
    assert (await caller.embed("yoga", **BULK)).count == 1


async def test_a_wait_past_the_deadline_is_refused_at_once(caller: Any) -> None:
    async with busy(caller, "deadline"):
        refusal = await _first_refusal(caller, timeout=0.04)
    assert "longer than the deadline" in str(refusal.details())
    assert _retry_s(refusal) > 0


async def test_who_waits_in_person_overtakes_bulk(caller: Any) -> None:
    bulk = asyncio.create_task(caller.embed(*work("overtaken"), **BULK))
    await _until_busy(caller)
    assert (await caller.embed("quick", **BYPASS)).count == 1
    assert not bulk.done()
    assert (await bulk).count == len(WORK)


async def test_what_a_caller_gave_up_makes_room_for_others(caller: Any) -> None:
    for number in range(5):  # five times what the queue holds
        given_up = asyncio.create_task(caller.embed(*work(f"given up {number}"), **BULK))
        await _until_busy(caller)
        given_up.cancel()
        await asyncio.wait({given_up})
        await _until_busy(caller)
    assert (await caller.embed(*work("at last"), **BULK, timeout=DEADLINE_S)).count == len(WORK)


async def test_one_caller_who_gives_up_does_not_end_the_other(caller: Any) -> None:
    texts = work("shared")
    first = asyncio.create_task(caller.embed(*texts, **BULK))
    second = asyncio.create_task(caller.embed(*texts, **BULK))
    await _until_busy(caller)
    first.cancel()
    assert (await second).count == len(texts)


async def test_the_core_engine_alone_has_no_semantic_model(replicas: Any, connect: Any) -> None:
    core = connect(replicas.start(ENABLE_EPIC_3="false").until_ready())
    listed = (await core.call("ListModels", pb.ListModelsRequest())).models
    assert [model.model_id for model in listed] == ["phonetic"]
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await core.embed("yoga")
    assert raised.value.code() is grpc.StatusCode.NOT_FOUND


async def test_told_to_end_it_answers_what_it_has_begun(replicas: Any, connect: Any) -> None:
    ending = replicas.start().until_ready()
    caller = connect(ending)
    begun = asyncio.create_task(caller.embed(*work("begun"), **BYPASS))
    await _until_busy(caller)
    ending.process.send_signal(signal.SIGTERM)
    assert (await begun).count == len(WORK)
    assert await asyncio.to_thread(ending.process.wait, DEADLINE_S) == 0


@asynccontextmanager
async def busy(caller: Any, name: str) -> AsyncIterator[None]:
    """The engine at work on bulk; what is not done in the end is given up."""
    running = asyncio.create_task(caller.embed(*work(name), **BULK))
    await _until_busy(caller)
    yield
    running.cancel()
    await asyncio.wait({running})


async def _until_busy(caller: Any) -> None:
    """Returns when the calls made before have arrived: a connection keeps their order."""
    await caller.call("Tokenize", pb.TokenizeRequest(model="phonetic", texts=["x"]))


async def _first_refusal(caller: Any, timeout: float) -> grpc.aio.AioRpcError:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            try:
                await caller.embed("too late", **BULK, timeout=timeout)
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
                    return error


def _reason(error: grpc.aio.AioRpcError) -> str:
    return str(_detail(error, error_details_pb2.ErrorInfo()).reason)


def _retry_s(error: grpc.aio.AioRpcError) -> float:
    return float(_detail(error, error_details_pb2.RetryInfo()).retry_delay.ToTimedelta().total_seconds())


def _detail(error: grpc.aio.AioRpcError, wanted: Any) -> Any:
    assert any(detail.Unpack(wanted) for detail in rpc_status.from_call(error).details)
    return wanted
