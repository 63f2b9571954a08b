"""Calls by the stubs, synchronous or not: tokens, deadlines, repeats, typed errors."""

from __future__ import annotations

import asyncio
import socket
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.rpc import error_details_pb2
from shodhana.api.transcripts.v1 import transcripts_pb2 as pb
from shodhana_client import Profile, connect, connect_async
from shodhana_client.errors import (
    Conflict,
    DeadlineExceeded,
    FieldViolation,
    InvalidRequest,
    LimitExceeded,
    NotFound,
    PermissionDenied,
    ShodhanaError,
    Unauthenticated,
    Unavailable,
)

if TYPE_CHECKING:
    from conftest import Gateway

Code = grpc.StatusCode
Call = Callable[..., Any]
READ = ("GetJob", pb.GetJobRequest(name="jobs/1"))
WATCH = ("WatchJob", pb.WatchJobRequest(name="jobs/1"))
JOB = pb.WatchJobResponse(job=pb.Job(succeeded_count=1))
DONE = pb.WatchJobResponse(done=pb.Job(succeeded_count=2))


def write(request_id: str) -> tuple[str, Any]:
    file = pb.TranscriptFile(filename="a.txt", content=b"baki")
    return "CorrectTranscript", pb.CorrectTranscriptRequest(file=file, request_id=request_id)


def by_threads(profile: Profile, method: str, request: Any, times: int, options: dict[str, Any]) -> Any:
    with connect(profile) as client:
        for _ in range(times):
            answer = getattr(client.transcripts, method)(request, **options)
            answer = list(answer) if method == "WatchJob" else answer
    return answer


async def on_a_loop(profile: Profile, method: str, request: Any, times: int, options: dict[str, Any]) -> Any:
    async with connect_async(profile) as client:
        for _ in range(times):
            answer = getattr(client.transcripts, method)(request, **options)
            answer = [frame async for frame in answer] if method == "WatchJob" else await answer
    return answer


@pytest.fixture(params=["synchronous", "asynchronous"])
def call(request: pytest.FixtureRequest, profile: Profile) -> Call:
    """Calls a method of `transcripts` by a client of its own: `call(*READ, times=2)`; frames of a stream are listed."""

    def send(method: str, message: Any, times: int = 1, by: Profile = profile, **options: Any) -> Any:
        if request.param == "synchronous":
            return by_threads(by, method, message, times, options)
        return asyncio.run(on_a_loop(by, method, message, times, options))

    return send


def test_one_token_serves_many_calls(gateway: Gateway, call: Call) -> None:
    assert call(*READ, times=3).name == "jobs/1"
    assert gateway.tokens == 1
    assert [metadata["authorization"] for _, _, metadata, _ in gateway.calls] == ["Bearer token-1"] * 3


def test_a_token_that_no_longer_holds_is_replaced_once(gateway: Gateway, call: Call) -> None:
    gateway.fail(Code.UNAUTHENTICATED)
    assert call(*READ).name == "jobs/1"
    assert [metadata["authorization"] for _, _, metadata, _ in gateway.calls] == ["Bearer token-1", "Bearer token-2"]
    gateway.fail(Code.UNAUTHENTICATED, times=2)
    with pytest.raises(Unauthenticated):
        call(*READ)


def test_wrong_credentials_are_told_as_such_and_not_tried_again(
    gateway: Gateway, call: Call, stranger: Profile
) -> None:
    with pytest.raises(Unauthenticated, match="do not match"):
        call(*READ, by=stranger)
    assert gateway.calls == []


def test_a_token_of_the_callers_own_is_left_alone(gateway: Gateway, call: Call, stranger: Profile) -> None:
    call(*READ, by=stranger, metadata=(("authorization", "Bearer mine"), ("x-mine", "too")))
    (_, _, metadata, _) = gateway.calls[0]
    assert (metadata["authorization"], metadata["x-mine"], gateway.tokens) == ("Bearer mine", "too", 0)


def test_every_call_has_a_deadline(gateway: Gateway, call: Call) -> None:
    call(*READ)
    call(*READ, timeout=7)
    (usual, shorter) = (remaining for *_, remaining in gateway.calls)
    assert usual is not None
    assert 100 < usual < 122  # whole seconds travel
    assert shorter is not None
    assert 5 < shorter < 9


async def test_calls_that_wait_for_a_token_keep_their_deadlines(gateway: Gateway, profile: Profile) -> None:
    gateway.gives_tokens.clear()
    began = time.monotonic()
    async with connect_async(profile) as client:
        calls = [client.transcripts.GetJob(READ[1], timeout=0.5) for _ in range(16)]
        ended = await asyncio.gather(*calls, return_exceptions=True)
    took_s = time.monotonic() - began
    gateway.gives_tokens.set()
    assert {type(error) for error in ended} == {DeadlineExceeded}
    assert took_s < 6  # one after another they would take eight


def test_calls_in_threads_that_wait_for_a_token_keep_their_deadlines(gateway: Gateway, profile: Profile) -> None:
    gateway.gives_tokens.clear()
    with connect(profile) as client, ThreadPoolExecutor(16) as pool:
        began = time.monotonic()
        ended = [pool.submit(client.transcripts.GetJob, READ[1], timeout=0.5) for _ in range(16)]
        kinds = {type(future.exception()) for future in ended}
        took_s = time.monotonic() - began
    gateway.gives_tokens.set()
    assert kinds == {DeadlineExceeded}
    assert took_s < 6


def test_a_read_is_repeated_while_its_service_is_away(gateway: Gateway, call: Call) -> None:
    gateway.fail(Code.UNAVAILABLE, times=3)
    assert call(*READ).name == "jobs/1"
    assert gateway.names == ["GetJob"] * 4


def test_repeats_end(gateway: Gateway, call: Call) -> None:
    gateway.fail(Code.UNAVAILABLE, times=10)
    with pytest.raises(Unavailable, match="on purpose"):
        call(*READ)
    assert len(gateway.calls) == 4


def test_a_write_is_repeated_only_with_a_request_id(gateway: Gateway, call: Call) -> None:
    gateway.fail(Code.UNAVAILABLE)
    with pytest.raises(Unavailable):
        call(*write(""))
    assert len(gateway.calls) == 1
    gateway.fail(Code.UNAVAILABLE)
    call(*write(str(uuid.uuid4())))
    (_, first, second) = (request.request_id for _, request, *_ in gateway.calls)
    assert first == second


def test_in_an_outage_repeats_stop_by_themselves(gateway: Gateway, profile: Profile) -> None:
    gateway.fail(Code.UNAVAILABLE, times=100)
    with connect(profile) as client:
        for _ in range(10):
            with pytest.raises(Unavailable):
                client.transcripts.GetJob(READ[1])
    assert 10 + 9 <= len(gateway.calls) <= 10 + 10


def test_a_full_queue_is_asked_again_when_it_says(gateway: Gateway, call: Call) -> None:
    gateway.full(retry_after_s=0.3)
    began = time.monotonic()
    assert call(*READ).name == "jobs/1"
    assert time.monotonic() - began >= 0.3


def test_a_pause_beyond_the_deadline_is_not_waited_for(gateway: Gateway, call: Call) -> None:
    gateway.full(retry_after_s=60)
    began = time.monotonic()
    with pytest.raises(LimitExceeded) as caught:
        call(*READ, timeout=50)
    assert caught.value.retry_after_s == 60
    assert time.monotonic() - began < 25


def test_a_size_limit_is_not_tried_again(gateway: Gateway, call: Call) -> None:
    gateway.fail(Code.RESOURCE_EXHAUSTED)
    with pytest.raises(LimitExceeded):
        call(*READ)
    assert len(gateway.calls) == 1


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (Code.INVALID_ARGUMENT, InvalidRequest),
        (Code.PERMISSION_DENIED, PermissionDenied),
        (Code.NOT_FOUND, NotFound),
        (Code.ALREADY_EXISTS, Conflict),
        (Code.FAILED_PRECONDITION, Conflict),
        (Code.ABORTED, Conflict),
        (Code.DEADLINE_EXCEEDED, DeadlineExceeded),
        (Code.INTERNAL, ShodhanaError),
    ],
)
def test_each_failure_has_its_type(gateway: Gateway, call: Call, code: grpc.StatusCode, kind: type) -> None:
    gateway.fail(code)
    with pytest.raises(ShodhanaError) as caught:
        call(*READ)
    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.message) == (code, "on purpose")


def test_an_error_tells_reason_violations_and_request(gateway: Gateway, call: Call) -> None:
    violation = error_details_pb2.BadRequest.FieldViolation(field="name", description="is no name")
    gateway.fail(
        Code.INVALID_ARGUMENT,
        error_details_pb2.ErrorInfo(reason="INVALID_INPUT", domain="shodhana.api"),
        error_details_pb2.BadRequest(field_violations=[violation]),
        error_details_pb2.RequestInfo(request_id="r-1"),
    )
    with pytest.raises(InvalidRequest) as caught:
        call(*READ)
    error = caught.value
    assert (error.reason, error.request_id) == ("INVALID_INPUT", "r-1")
    assert error.violations == [FieldViolation("name", "is no name")]


def test_no_mesh_is_told_soon(call: Call, profile: Profile) -> None:
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        nowhere = replace(profile, gateway=f"127.0.0.1:{taken.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(Unavailable):
            call(*READ, by=nowhere)
    assert time.monotonic() - began < 25


def test_a_stream_is_begun_again_before_its_first_frame_only(gateway: Gateway, call: Call) -> None:
    gateway.watches = [[JOB, DONE]]
    gateway.left.set()
    gateway.fail(Code.UNAVAILABLE)
    assert call(*WATCH) == [JOB, DONE]
    gateway.watches = [[JOB, Code.UNAVAILABLE]]
    with pytest.raises(Unavailable, match="in the middle"):
        call(*WATCH)
    assert len(gateway.calls) == 3


def test_a_stream_that_its_reader_leaves_is_ended(gateway: Gateway, profile: Profile) -> None:
    gateway.watches = [[JOB, JOB]]
    with connect(profile) as client:
        frames = client.transcripts.WatchJob(WATCH[1])
        assert next(iter(frames)) == JOB
        del frames
        assert gateway.left.wait(5)


async def test_an_asynchronous_stream_that_its_reader_leaves_is_ended(gateway: Gateway, profile: Profile) -> None:
    gateway.watches = [[JOB, JOB]]
    async with connect_async(profile) as client:
        async for frame in client.transcripts.WatchJob(WATCH[1]):
            assert frame == JOB
            break
        assert await asyncio.to_thread(gateway.left.wait, 5)


async def test_both_clients_hand_out_a_token(gateway: Gateway, profile: Profile) -> None:
    with connect(profile) as client:
        assert client.token() == "token-1"
    async with connect_async(profile) as client:
        assert await client.token() == "token-2"
