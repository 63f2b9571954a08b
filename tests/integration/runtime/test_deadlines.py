"""Time given by a caller is handed on, less 20 ms at each step, over real servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from shodhana.api.review.v1 import review_pb2, review_pb2_grpc
from shodhana.api.similarity.v1 import similarity_pb2 as pb
from shodhana.api.similarity.v1 import similarity_pb2_grpc
from shodhana.errors import DeadlineExceeded
from shodhana.runtime import deadline

REQUEST = pb.SearchRequest(query="bakti")
MARGIN_S = 0.020
WIRE_S = 0.010  # gRPC rounds times below 10 s up to that
ON_THE_WAY_S = 3.0  # what a busy machine may take for a step


@pytest.fixture
async def chain(serve: Any, mesh: Any) -> Any:
    """front → behind; both note the time they were given."""
    front, behind = await serve(), await serve()
    seen: dict[str, Any] = {}
    stub = similarity_pb2_grpc.SimilarityServiceStub(mesh(behind.target))

    async def search_front(request: Any, context: Any) -> Any:
        seen["front"] = context.time_remaining()
        return await stub.Search(request, timeout=seen.get("asked"))

    async def search_behind(request: Any, context: Any) -> Any:
        seen["behind"] = context.time_remaining()
        return pb.SearchResponse()

    front.script.search, behind.script.search = search_front, search_behind
    return front, behind, seen


async def test_a_called_service_gets_the_rest_of_the_time_less_20_ms(chain: Any) -> None:
    front, _, seen = chain
    for given in (4.0, 9.0):
        await front.similarity.Search(REQUEST, metadata=front.metadata(), timeout=given)
        assert seen["front"] - ON_THE_WAY_S < seen["behind"] <= seen["front"] - MARGIN_S + WIRE_S


async def test_a_shorter_time_of_the_callers_own_wins(chain: Any) -> None:
    front, _, seen = chain
    seen["asked"] = 4.0
    await front.similarity.Search(REQUEST, metadata=front.metadata(), timeout=9)
    assert 4 - ON_THE_WAY_S < seen["behind"] <= 4 + WIRE_S


async def test_a_longer_one_does_not(chain: Any) -> None:
    front, _, seen = chain
    seen["asked"] = 60
    await front.similarity.Search(REQUEST, metadata=front.metadata(), timeout=9)
    assert seen["behind"] <= 9 - MARGIN_S + WIRE_S


async def test_who_gives_no_time_gives_the_default(chain: Any) -> None:
    front, _, seen = chain
    await front.similarity.Search(REQUEST, metadata=front.metadata())
    assert seen["front"] is None
    assert 30 - ON_THE_WAY_S < seen["behind"] <= 30 + WIRE_S


async def test_time_is_handed_on_in_streams(serve: Any, mesh: Any) -> None:
    front, behind = await serve(), await serve()
    seen = []
    stub = review_pb2_grpc.ReviewServiceStub(mesh(behind.target))

    async def watch_behind(request: Any, context: Any) -> AsyncIterator[Any]:
        seen.append(context.time_remaining())
        yield review_pb2.WatchCasesResponse()

    async def watch_front(request: Any, context: Any) -> AsyncIterator[Any]:
        async for item in stub.WatchCases(request):
            yield item

    front.script.watch, behind.script.watch = watch_front, watch_behind
    call = review_pb2_grpc.ReviewServiceStub(front.channel).WatchCases
    stream = call(review_pb2.WatchCasesRequest(), metadata=front.metadata(), timeout=9)
    assert len([item async for item in stream]) == 1
    assert 9 - ON_THE_WAY_S < seen[0] <= 9 - MARGIN_S + WIRE_S


async def test_the_caller_hears_of_the_end_of_its_time_and_so_does_what_was_called(chain: Any) -> None:
    front, behind, _ = chain
    stopped = asyncio.Event()

    async def hang(request: Any, context: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    behind.script.search = hang
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await front.similarity.Search(REQUEST, metadata=front.metadata(), timeout=0.4)
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await asyncio.wait_for(stopped.wait(), 60)


async def test_what_is_abandoned_is_abandoned_all_the_way(chain: Any, until: Any) -> None:
    front, behind, _ = chain
    stopped = asyncio.Event()

    async def hang(request: Any, context: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    behind.script.search = hang
    call = front.similarity.Search(REQUEST, metadata=front.metadata(), timeout=60)
    await until(lambda: behind.script.calls)
    call.cancel()
    await asyncio.wait_for(stopped.wait(), 60)


async def test_without_time_left_nothing_is_called(served: Any, mesh: Any) -> None:
    stub = similarity_pb2_grpc.SimilarityServiceStub(mesh(served.target))
    deadline.begin(MARGIN_S)
    with pytest.raises(DeadlineExceeded):
        await stub.Search(REQUEST)
    deadline.begin(None)
    assert served.script.calls == []
    await stub.Search(REQUEST)
    assert len(served.script.calls) == 1


async def test_waiting_for_a_token_of_our_own_takes_no_longer_than_the_time_left(served: Any, mesh: Any) -> None:
    channel = mesh(served.target)

    async def never() -> str:
        await asyncio.Event().wait()
        return ""

    channel._tokens.header = never
    with pytest.raises(DeadlineExceeded):
        await similarity_pb2_grpc.SimilarityServiceStub(channel).Search(REQUEST, timeout=0.2)
