"""What the interceptor does to each RPC, over a real server: errors, validation, logs, spans, ends."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from opentelemetry.trace import StatusCode
from prometheus_client import REGISTRY
from shodhana import errors
from shodhana.api.embedding.v1 import embedding_pb2, embedding_pb2_grpc
from shodhana.api.review.v1 import review_pb2, review_pb2_grpc
from shodhana.api.similarity.v1 import similarity_pb2 as pb

REQUEST = pb.SearchRequest(query="bakti")
SEARCH = "/shodhana.api.similarity.v1.SimilarityService/Search"
SECRET = "password of the database"


def raising(error: BaseException) -> Any:
    async def search(request: Any, context: Any) -> Any:
        raise error

    return search


async def failure(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    return raised.value


def detail(error: grpc.aio.AioRpcError, kind: type[Message]) -> Any:
    message = kind()
    packed = next(detail for detail in rpc_status.from_call(error).details if detail.Is(message.DESCRIPTOR))
    packed.Unpack(message)
    return message


async def lines_of(logs: list[Any], count: int = 1) -> list[Any]:
    """The lines of so many requests: a refusal reaches the caller before its line is written."""
    async with asyncio.timeout(60):
        while len(found := [line for line in logs if line["event"] == "rpc"]) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    return found


async def test_errors_of_the_domain_arrive_with_their_details(served: Any) -> None:
    violation = errors.FieldViolation("cues[3].start", "is after its end", line=12)
    served.script.search = raising(errors.InvalidInput("bad cue", [violation], metadata={"limit": "3"}))
    error = await failure(served.similarity.Search(REQUEST, metadata=served.metadata(x_request_id="request-7")))
    assert (error.code(), error.details()) == (grpc.StatusCode.INVALID_ARGUMENT, "bad cue")
    info = detail(error, error_details_pb2.ErrorInfo)
    assert (info.reason, info.domain, dict(info.metadata)) == ("INVALID_INPUT", "shodhana.api", {"limit": "3"})
    assert detail(error, error_details_pb2.RequestInfo).request_id == "request-7"
    [found] = detail(error, error_details_pb2.BadRequest).field_violations
    assert (found.field, found.description) == ("cues[3].start", "line 12: is after its end")


async def test_when_to_come_back_arrives(served: Any) -> None:
    served.script.search = raising(errors.Unavailable("down", retry_after_s=2.5))
    error = await failure(served.similarity.Search(REQUEST, metadata=served.metadata()))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert detail(error, error_details_pb2.RetryInfo).retry_delay.ToMilliseconds() == 2500


async def test_the_unexpected_leaves_as_internal_with_a_request_id_and_is_logged_once(
    served: Any, logs: list[Any]
) -> None:
    served.script.search = raising(KeyError(SECRET))
    error = await failure(served.similarity.Search(REQUEST, metadata=served.metadata()))
    assert (error.code(), error.details()) == (grpc.StatusCode.INTERNAL, "internal error")
    assert SECRET not in str(error)
    assert SECRET.encode() not in b"".join(part.value for part in rpc_status.from_call(error).details)
    request_id = detail(error, error_details_pb2.RequestInfo).request_id
    assert uuid.UUID(request_id)
    [line] = [line for line in logs if line["event"] == "unexpected_error"]
    assert line["request_id"] == request_id
    assert isinstance(line["exc_info"], KeyError)
    assert [line["request_id"] for line in await lines_of(logs)] == [request_id]


async def test_a_request_id_of_a_caller_is_cut_to_a_sane_length(served: Any) -> None:
    served.script.search = raising(errors.NotFound("none"))
    error = await failure(served.similarity.Search(REQUEST, metadata=served.metadata(x_request_id="x" * 5000)))
    assert detail(error, error_details_pb2.RequestInfo).request_id == "x" * 128


async def test_what_breaks_a_rule_of_the_contract_is_refused_before_the_servicer(served: Any) -> None:
    request = pb.BatchSearchRequest(queries=[pb.BatchQuery(query="good"), pb.BatchQuery(query="")])
    error = await failure(served.similarity.BatchSearch(request, metadata=served.metadata()))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    [violation] = detail(error, error_details_pb2.BadRequest).field_violations
    assert violation.field == "queries[1].query"
    assert served.script.calls == []


@pytest.mark.parametrize(
    ("field", "request_"),
    [
        ("query", pb.BatchQuery(query="na\x1b[31mbi")),
        ("context", pb.BatchQuery(query="nabi", context="a\tb\nc\x9b2J")),
    ],
)
async def test_a_control_character_in_any_text_is_refused(served: Any, field: str, request_: pb.BatchQuery) -> None:
    request = pb.BatchSearchRequest(queries=[pb.BatchQuery(query="good"), request_])
    error = await failure(served.similarity.BatchSearch(request, metadata=served.metadata()))
    [violation] = detail(error, error_details_pb2.BadRequest).field_violations
    assert violation.field == f"queries[1].{field}"
    assert "CONTROL CHARACTER is not allowed" in violation.description


async def test_tabs_and_lines_are_no_control_characters(served: Any) -> None:
    await served.similarity.Search(pb.SearchRequest(query="nabi", context="a\tb\r\nc"), metadata=served.metadata())


async def test_a_control_character_in_a_list_is_found_at_its_place(served: Any) -> None:
    request = embedding_pb2.EmbedRequest(model="semantic", texts=["good", "b\x07d"])
    stub = embedding_pb2_grpc.EmbeddingServiceStub(served.channel)
    error = await failure(stub.Embed(request, metadata=served.metadata()))
    [violation] = detail(error, error_details_pb2.BadRequest).field_violations
    assert violation.field == "texts[1]"


async def test_a_caller_without_a_permission_is_not_told_what_is_wrong_with_the_request(served: Any) -> None:
    error = await failure(served.similarity.Search(pb.SearchRequest(), metadata=served.metadata("users:manage")))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_each_message_of_a_stream_is_validated(served: Any) -> None:
    async def embed(requests: Any, context: Any) -> AsyncIterator[Any]:
        async for request in requests:
            yield embedding_pb2.EmbedStreamResponse(batch_id=request.batch_id)

    served.script.embed_stream = embed
    stub = embedding_pb2_grpc.EmbeddingServiceStub(served.channel)
    stream = stub.EmbedStream(metadata=served.metadata())
    good = embedding_pb2.EmbedStreamRequest(
        batch_id="1", request=embedding_pb2.EmbedRequest(model="semantic", texts=["yoga"])
    )
    await stream.write(good)
    assert (await stream.read()).batch_id == "1"
    good.request.ClearField("texts")
    await stream.write(good)
    error = await failure(stream.read())
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert detail(error, error_details_pb2.BadRequest).field_violations[0].field == "request.texts"


async def test_one_line_is_logged_a_request_without_what_was_sent(served: Any, logs: list[Any]) -> None:
    metadata = served.metadata(x_request_id="request-8")
    await served.similarity.Search(pb.SearchRequest(query="bhagavan", context="a ___ b"), metadata=metadata)
    [line] = await lines_of(logs)
    assert line["log_level"] == "info"
    assert (line["method"], line["code"], line["request_id"]) == (SEARCH, "OK", "request-8")
    assert line["subject"] == "serviceAccounts/tester"
    assert 0 < line["ms"] < 10_000
    everything = repr(logs)
    assert "bhagavan" not in everything
    assert metadata[0][1].removeprefix("Bearer ") not in everything


async def test_refused_requests_are_logged_too(served: Any, logs: list[Any]) -> None:
    await failure(served.similarity.Search(REQUEST))
    await failure(served.similarity.Search(pb.SearchRequest(), metadata=served.metadata()))
    assert [line["code"] for line in await lines_of(logs, 2)] == ["UNAUTHENTICATED", "INVALID_ARGUMENT"]


async def test_a_call_is_counted_by_its_status(served: Any, logs: list[Any]) -> None:
    def count(code: str) -> float:
        labels = {"rpc_service": SEARCH.split("/")[1], "rpc_method": "Search", "rpc_response_status_code": code}
        return REGISTRY.get_sample_value("rpc_server_call_duration_seconds_count", labels) or 0

    before = [count("OK"), count("NOT_FOUND")]
    await served.similarity.Search(REQUEST, metadata=served.metadata())
    served.script.search = raising(errors.NotFound("none"))
    await failure(served.similarity.Search(REQUEST, metadata=served.metadata()))
    await lines_of(logs, 2)
    assert [count("OK") - before[0], count("NOT_FOUND") - before[1]] == [1, 1]


@pytest.mark.parametrize(
    ("error", "code", "is_fault"),
    [
        (None, "OK", False),
        (errors.NotFound("none"), "NOT_FOUND", False),
        (errors.Unavailable("down"), "UNAVAILABLE", True),
        (KeyError("mistake"), "INTERNAL", True),
    ],
    ids=str,
)
async def test_a_span_tells_how_the_call_ended(
    served: Any, spans: Any, logs: list[Any], error: Exception | None, code: str, is_fault: bool
) -> None:
    if error is not None:
        served.script.search = raising(error)
    call = served.similarity.Search(REQUEST, metadata=served.metadata())
    await (failure(call) if error else call)
    await lines_of(logs)
    [span] = spans()
    assert span.attributes == {
        "rpc.system": "grpc",
        "rpc.service": "shodhana.api.similarity.v1.SimilarityService",
        "rpc.method": "Search",
        "rpc.response.status_code": code,
    }
    assert span.status.status_code is (StatusCode.ERROR if is_fault else StatusCode.UNSET)


@pytest.mark.parametrize(("code", "is_fault"), [("INTERNAL", True), ("UNIMPLEMENTED", True), ("NOT_FOUND", False)])
async def test_a_call_that_the_servicer_aborts_is_marked_so(
    served: Any, spans: Any, logs: list[Any], code: str, is_fault: bool
) -> None:
    async def search(request: Any, context: Any) -> None:
        await context.abort(grpc.StatusCode[code], "given up")

    served.script.search = search
    error = await failure(served.similarity.Search(REQUEST, metadata=served.metadata()))
    assert (error.code().name, error.details()) == (code, "given up")
    assert [line["code"] for line in await lines_of(logs)] == [code]
    [span] = spans()
    assert span.attributes["rpc.response.status_code"] == code
    assert (span.status.status_code is StatusCode.ERROR) is is_fault


async def test_the_trace_of_the_caller_goes_on(served: Any, spans: Any, logs: list[Any]) -> None:
    trace_id, span_id = "ab" * 16, "cd" * 8
    await served.similarity.Search(REQUEST, metadata=served.metadata(traceparent=f"00-{trace_id}-{span_id}-01"))
    [span] = spans()
    assert f"{span.context.trace_id:032x}" == trace_id
    assert f"{span.parent.span_id:016x}" == span_id
    assert (await lines_of(logs))[0]["trace_id"] == trace_id


async def test_what_the_caller_does_not_sample_makes_no_span_but_keeps_its_id(
    served: Any, spans: Any, logs: list[Any]
) -> None:
    trace_id = "ab" * 16
    await served.similarity.Search(REQUEST, metadata=served.metadata(traceparent=f"00-{trace_id}-{'cd' * 8}-00"))
    assert spans() == []
    assert (await lines_of(logs))[0]["trace_id"] == trace_id


@pytest.mark.parametrize("header", ["", "00-00-00-00", f"00-{'0' * 32}-{'cd' * 8}-00", f"00-{'g' * 32}-{'cd' * 8}-01"])
async def test_a_broken_trace_header_starts_a_trace_of_its_own(served: Any, spans: Any, header: str) -> None:
    await served.similarity.Search(REQUEST, metadata=served.metadata(traceparent=header))
    [span] = spans()
    assert span.parent is None


async def test_a_call_whose_time_is_over_is_stopped_and_told_so(served: Any, spans: Any, logs: list[Any]) -> None:
    stopped = asyncio.Event()

    async def search(request: Any, context: Any) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stopped.set()
            raise

    served.script.search = search
    error = await failure(served.similarity.Search(REQUEST, metadata=served.metadata(), timeout=0.2))
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await asyncio.wait_for(stopped.wait(), 60)
    assert [line["code"] for line in await lines_of(logs)] == ["DEADLINE_EXCEEDED"]
    assert spans()[0].status.status_code is StatusCode.ERROR


async def test_a_call_that_the_caller_abandons_is_stopped_and_told_so(served: Any, logs: list[Any], until: Any) -> None:
    async def search(request: Any, context: Any) -> None:
        await asyncio.Event().wait()

    served.script.search = search
    call = served.similarity.Search(REQUEST, metadata=served.metadata())
    waiting = asyncio.ensure_future(call)
    await until(lambda: served.script.calls)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert [line["code"] for line in await lines_of(logs)] == ["CANCELLED"]


async def test_a_stream_that_the_caller_leaves_is_closed_at_once(served: Any, logs: list[Any]) -> None:
    closed = asyncio.Event()

    async def watch(request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            while True:
                yield review_pb2.WatchCasesResponse()
                await asyncio.sleep(0)
        finally:
            closed.set()

    served.script.watch = watch
    stub = review_pb2_grpc.ReviewServiceStub(served.channel)
    stream = stub.WatchCases(review_pb2.WatchCasesRequest(), metadata=served.metadata())
    for _ in range(3):
        await stream.read()
    stream.cancel()
    await asyncio.wait_for(closed.wait(), 60)
    assert [line["code"] for line in await lines_of(logs)] == ["CANCELLED"]


async def test_an_error_in_the_middle_of_a_stream_comes_after_what_was_sent(served: Any, logs: list[Any]) -> None:
    async def watch(request: Any, context: Any) -> AsyncIterator[Any]:
        yield review_pb2.WatchCasesResponse()
        raise errors.NotFound("gone")

    served.script.watch = watch
    stub = review_pb2_grpc.ReviewServiceStub(served.channel)
    stream = stub.WatchCases(review_pb2.WatchCasesRequest(), metadata=served.metadata())
    assert await stream.read() is not None
    assert (await failure(stream.read())).code() is grpc.StatusCode.NOT_FOUND
    assert [line["code"] for line in await lines_of(logs)] == ["NOT_FOUND"]


async def test_a_call_whose_work_was_cancelled_by_others_is_answered(served: Any, logs: list[Any]) -> None:
    served.script.search = raising(asyncio.CancelledError())
    error = await failure(served.similarity.Search(REQUEST, metadata=served.metadata(), timeout=5))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert detail(error, error_details_pb2.RetryInfo).retry_delay.ToMilliseconds() > 0
    assert [line["code"] for line in await lines_of(logs)] == ["UNAVAILABLE"]


async def test_health_is_watched_and_asked_without_a_token(serve: Any) -> None:
    served = await serve()
    is_met = asyncio.Event()

    async def check() -> None:
        if not is_met.is_set():
            raise errors.Unavailable("not yet")

    served.application.ready_when("later", check)
    health = health_pb2_grpc.HealthStub(served.channel)
    statuses = health_pb2.HealthCheckResponse
    for name in ("", "shodhana.api.similarity.v1.SimilarityService", "later"):
        is_met.clear()
        watch = health.Watch(health_pb2.HealthCheckRequest(service=name), timeout=30)
        async with asyncio.timeout(60):
            while (await watch.read()).status != statuses.NOT_SERVING:
                pass
            is_met.set()
            assert (await watch.read()).status == statuses.SERVING
            assert (await health.Check(health_pb2.HealthCheckRequest(service=name))).status == statuses.SERVING
        watch.cancel()
    error = await failure(health.Check(health_pb2.HealthCheckRequest(service="nobody")))
    assert error.code() is grpc.StatusCode.NOT_FOUND
