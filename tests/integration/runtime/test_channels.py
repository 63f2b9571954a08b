"""Channels to other services: replicas, retries, dead connections, traces."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from shodhana import errors
from shodhana.api.identity.v1 import identity_pb2, identity_pb2_grpc
from shodhana.api.review.v1 import review_pb2, review_pb2_grpc
from shodhana.api.similarity.v1 import similarity_pb2 as pb
from shodhana.api.similarity.v1 import similarity_pb2_grpc
from shodhana.runtime import channels as channels_module
from shodhana.runtime import replicas as replicas_module
from shodhana.stack.ports import free_port

REQUEST = pb.SearchRequest(query="bakti")


def raising(error: Exception) -> Any:
    async def answer(request: Any, context: Any) -> Any:
        raise error

    return answer


def holding(gate: asyncio.Event) -> Any:
    async def answer(request: Any, context: Any) -> pb.SearchResponse:
        await gate.wait()
        return pb.SearchResponse()

    return answer


def stub_of(channel: Any) -> similarity_pb2_grpc.SimilarityServiceStub:
    return similarity_pb2_grpc.SimilarityServiceStub(channel)


async def failure(call: Awaitable[Any]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    return raised.value


async def succeeds(call: Awaitable[Any]) -> bool:
    try:
        await call
    except grpc.aio.AioRpcError:
        return False
    return True


async def test_calls_at_once_spread_evenly(serve: Any, mesh: Any, until: Any) -> None:
    gate = asyncio.Event()
    served = [await serve() for _ in range(3)]
    for one in served:
        one.script.search = holding(gate)
    stub = stub_of(mesh(*(one.target for one in served)))
    calls = [asyncio.create_task(stub.Search(REQUEST)) for _ in range(30)]
    await until(lambda: sum(len(one.script.calls) for one in served) == 30)
    gate.set()
    await asyncio.gather(*calls)
    assert [len(one.script.calls) for one in served] == [10, 10, 10]


async def test_a_busy_replica_is_left_alone(serve: Any, mesh: Any, until: Any) -> None:
    gate = asyncio.Event()
    busy, free = await serve(), await serve()
    busy.script.search, free.script.search = holding(gate), holding(opened())
    stub = stub_of(mesh(busy.target, free.target))
    held = [asyncio.create_task(stub.Search(REQUEST)) for _ in range(2)]  # one goes to each
    await until(lambda: any(task.done() for task in held))
    for _ in range(50):
        await stub.Search(REQUEST)
    assert (len(busy.script.calls), len(free.script.calls)) == (1, 51)
    gate.set()
    await asyncio.gather(*held)


async def test_a_stopped_replica_costs_no_repeatable_call(serve: Any, mesh: Any) -> None:
    served = [await serve(), await serve()]
    stub = stub_of(mesh(*(one.target for one in served)))
    stopping = None
    for number in range(300):
        await stub.Search(REQUEST)
        if number == 50:
            stopping = asyncio.create_task(served[0].application.server.stop(0))
    await stopping
    assert 0 < len(served[0].script.calls) < 60
    assert len(served[1].script.calls) >= 240


async def test_a_replica_that_hangs_leaves_time_to_ask_another(serve: Any, mesh: Any) -> None:
    hung, well = await serve(), await serve()
    hung.script.search = holding(asyncio.Event())
    stub = stub_of(mesh(hung.target, well.target))
    for _ in range(20):
        await stub.Search(REQUEST, timeout=8)
    assert len(hung.script.calls) < 20
    assert len(well.script.calls) == 20


async def test_an_unavailable_replica_is_passed_over_for_a_while(
    serve: Any, mesh: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas_module, "SHUN_S", 60)
    ill, well = await serve(), await serve()
    ill.script.search = raising(errors.Unavailable("restarting"))
    stub = stub_of(mesh(ill.target, well.target))
    for _ in range(50):
        await stub.Search(REQUEST)
    assert len(ill.script.calls) <= 1


async def test_a_replica_that_drains_gets_no_further_call(serve: Any, mesh: Any, until: Any) -> None:
    leaving, staying = await serve(), await serve()
    channel = mesh(leaving.target, staying.target)
    stub = identity_pb2_grpc.UserServiceStub(channel)
    request = identity_pb2.CreateUserRequest(user=identity_pb2.User(email="a@example.org"))
    for one in (leaving, staying):
        one.script.create_user = answering(identity_pb2.User())
    await stub.CreateUser(request)
    replica = channel._replicas._replicas[leaving.target]
    await until(lambda: replica.is_serving)
    await leaving.application._health.retire()
    await until(lambda: not replica.is_serving)
    before = len(leaving.script.calls)
    for _ in range(50):
        await stub.CreateUser(request)
    assert len(leaving.script.calls) == before
    await staying.application._health.retire()
    await stub.CreateUser(request)  # where nobody serves, one is better than none


def answering(answer: Any) -> Any:
    async def call(request: Any, context: Any) -> Any:
        return answer

    return call


async def test_what_cannot_be_repeated_is_tried_once(served: Any, mesh: Any) -> None:
    served.script.create_user = raising(errors.Unavailable("down"))
    stub = identity_pb2_grpc.UserServiceStub(mesh(served.target))
    request = identity_pb2.CreateUserRequest(user=identity_pb2.User(email="a@example.org"))
    assert (await failure(stub.CreateUser(request))).code() is grpc.StatusCode.UNAVAILABLE
    assert len(served.script.calls) == 1


@pytest.mark.parametrize("error", [errors.NotFound("x"), errors.ResourceExhausted("x"), KeyError("x")], ids=repr)
async def test_only_unavailable_is_tried_again(served: Any, mesh: Any, error: Exception) -> None:
    served.script.search = raising(error)
    await failure(stub_of(mesh(served.target)).Search(REQUEST))
    assert len(served.script.calls) == 1


async def test_retries_stop_by_themselves_under_an_outage_and_come_back(served: Any, mesh: Any) -> None:
    served.script.search = raising(errors.Unavailable("down"))
    stub = stub_of(mesh(served.target))
    first = await attempts(served, stub)
    for _ in range(10):
        await failure(stub.Search(REQUEST))
    assert first == 4
    assert await attempts(served, stub) == 1
    served.script.search = holding(opened())
    for _ in range(150):
        await stub.Search(REQUEST)
    served.script.search = raising(errors.Unavailable("down"))
    assert await attempts(served, stub) > 1


def opened() -> asyncio.Event:
    gate = asyncio.Event()
    gate.set()
    return gate


async def attempts(served: Any, stub: Any) -> int:
    """How often one call is tried."""
    before = len(served.script.calls)
    await failure(stub.Search(REQUEST))
    return len(served.script.calls) - before


async def test_retries_end_with_the_time_given(served: Any, mesh: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels_module, "BACK_OFF_S", 600)
    served.script.search = raising(errors.Unavailable("down"))
    error = await failure(stub_of(mesh(served.target)).Search(REQUEST, timeout=30))  # within the test's own time
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert len(served.script.calls) == 1


async def test_without_an_address_the_service_is_unavailable(mesh: Any) -> None:
    with pytest.raises(errors.Unavailable):
        await stub_of(mesh()).Search(REQUEST)


async def test_a_service_that_gives_up_a_call_does_not_stop_the_caller(served: Any, mesh: Any) -> None:
    async def give_up(request: Any, context: Any) -> None:
        await context.abort(grpc.StatusCode.CANCELLED, "given up")

    served.script.search = give_up
    error = await failure(stub_of(mesh(served.target)).Search(REQUEST, timeout=5))
    assert error.code() is grpc.StatusCode.CANCELLED


async def test_streams_are_counted_while_they_last_and_not_after(serve: Any, mesh: Any, until: Any) -> None:
    served = await serve()

    async def watch(request: Any, context: Any) -> AsyncIterator[Any]:
        while True:
            yield review_pb2.WatchCasesResponse()
            await asyncio.sleep(0)

    served.script.watch = watch
    channel = mesh(served.target)
    stream = review_pb2_grpc.ReviewServiceStub(channel).WatchCases(review_pb2.WatchCasesRequest())
    await anext(stream)
    replica = await channel._replicas.least_loaded()
    assert replica.in_flight == 1
    await stream.aclose()
    assert replica.in_flight == 0
    served.script.watch = None  # fails
    with pytest.raises(grpc.aio.AioRpcError):
        await anext(review_pb2_grpc.ReviewServiceStub(channel).WatchCases(review_pb2.WatchCasesRequest()))
    assert replica.in_flight == 0


@asynccontextmanager
async def proxy(target: str) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A proxy to `target`; while its event is set it swallows everything and closes nothing."""
    host, _, port = target.partition(":")
    black_hole = asyncio.Event()
    writers: list[asyncio.StreamWriter] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if not black_hole.is_set():
                writer.write(data)
                await writer.drain()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(host, int(port))
        writers.extend((writer, back))
        await asyncio.gather(pump(reader, back), pump(there, writer), return_exceptions=True)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", black_hole
    finally:
        server.close()
        for writer in writers:
            writer.close()


async def test_a_dead_connection_is_found_by_its_pings(served: Any, mesh: Any) -> None:
    async with proxy(served.target) as (target, black_hole):
        stub = stub_of(mesh(target, keepalive_s=0.4))
        await stub.Search(REQUEST)
        black_hole.set()
        began = time.monotonic()
        error = await failure(stub.Search(REQUEST, timeout=100))
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert time.monotonic() - began < 50
        black_hole.clear()
        async with asyncio.timeout(60):
            while not await succeeds(stub.Search(REQUEST)):
                pass


async def test_every_address_of_a_name_is_a_replica_and_changes_are_followed(
    serve: Any, mesh: Any, monkeypatch: pytest.MonkeyPatch, until: Any
) -> None:
    monkeypatch.setattr(replicas_module, "RESOLVE_EVERY_S", 0.05)
    port = free_port()
    served = {host: await serve(listen_address=f"{host}:{port}") for host in ("127.0.0.1", "127.0.0.2", "127.0.0.3")}
    addresses = [f"127.0.0.1:{port}", f"127.0.0.2:{port}"]
    asked = []

    async def lookup(host: str, of: int) -> list[str]:
        asked.append((host, of))
        if not addresses:
            raise OSError("no such name")
        return list(addresses)

    stub = stub_of(mesh(f"dns:///similarity.mesh:{port}", lookup=lookup))

    async def reached() -> Counter[str]:
        for one in served.values():
            one.script.calls.clear()
        await asyncio.gather(*(stub.Search(REQUEST) for _ in range(20)))
        return Counter({host: len(one.script.calls) for host, one in served.items()})

    assert await reached() == {"127.0.0.1": 10, "127.0.0.2": 10, "127.0.0.3": 0}
    assert asked[0] == ("similarity.mesh", port)
    addresses[:] = [f"127.0.0.3:{port}"]
    async with asyncio.timeout(60):
        while (await reached())["127.0.0.3"] < 20:
            pass
    addresses.clear()
    known = len(asked)
    async with asyncio.timeout(60):
        while len(asked) == known:
            await stub.Search(REQUEST)
    assert (await reached())["127.0.0.3"] == 20  # the last known addresses serve on


async def test_a_real_name_is_looked_up(served: Any, mesh: Any) -> None:
    port = served.target.rpartition(":")[2]
    await stub_of(mesh(f"dns:///localhost:{port}")).Search(REQUEST)
    assert len(served.script.calls) == 1


async def test_a_called_services_span_hangs_on_the_callers(serve: Any, mesh: Any, spans: Any, until: Any) -> None:
    front, behind = await serve(), await serve()
    stub = stub_of(mesh(behind.target))

    async def search(request: Any, context: Any) -> Any:
        return await stub.Search(request)

    front.script.search = search
    behind.script.search = raising(errors.NotFound("none"))
    await failure(front.similarity.Search(REQUEST, metadata=front.metadata()))
    await until(lambda: len(spans()) == 3)
    by_kind = {(span.kind.name, span.parent is None): span for span in spans()}
    root, client, server = by_kind["SERVER", True], by_kind["CLIENT", False], by_kind["SERVER", False]
    assert client.parent.span_id == root.context.span_id
    assert server.parent.span_id == client.context.span_id
    assert client.status.description == "NOT_FOUND"
