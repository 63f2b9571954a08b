"""Every kind of error becomes a status with `google.rpc` details."""

from __future__ import annotations

import inspect
import socket
from typing import Any

import asyncpg
import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2
from redis.exceptions import ConnectionError as RedisConnectionError
from shodhana import errors
from shodhana.api.errors.v1 import error_reason_pb2
from shodhana.runtime.errors import as_domain_error, code_of, internal_status, to_status

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__]
NOTHING = grpc.aio.Metadata()


def detail(status: Any, kind: type[Message]) -> Any:
    """The one detail of that kind; None where there is none."""
    found = [packed for packed in status.details if packed.Is(kind.DESCRIPTOR)]
    assert len(found) <= 1
    if not found:
        return None
    message = kind()
    found[0].Unpack(message)
    return message


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidInput("m"), code_pb2.INVALID_ARGUMENT),
        (errors.Unauthenticated("m"), code_pb2.UNAUTHENTICATED),
        (errors.PermissionDenied("m"), code_pb2.PERMISSION_DENIED),
        (errors.NotFound("m"), code_pb2.NOT_FOUND),
        (errors.AlreadyExists("m"), code_pb2.ALREADY_EXISTS),
        (errors.FailedPrecondition("m"), code_pb2.FAILED_PRECONDITION),
        (errors.Aborted("m"), code_pb2.ABORTED),
        (errors.DeadlineExceeded("m"), code_pb2.DEADLINE_EXCEEDED),
        (errors.ResourceExhausted("m"), code_pb2.RESOURCE_EXHAUSTED),
        (errors.Unavailable("m"), code_pb2.UNAVAILABLE),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_kind_has_its_code_reason_and_request(error: errors.DomainError, code: int) -> None:
    error.metadata["limit"] = "3"
    status = to_status(error, "request-1")
    info = detail(status, error_details_pb2.ErrorInfo)
    assert (status.code, status.message) == (code, "m")
    assert (info.reason, info.domain, dict(info.metadata)) == (error.reason, "shodhana.api", {"limit": "3"})
    assert detail(status, error_details_pb2.RequestInfo).request_id == "request-1"


def test_a_kind_of_a_service_takes_the_code_of_the_kind_it_is() -> None:
    class LeaseLost(errors.FailedPrecondition):
        reason = "LEASE_LOST"

    assert code_of(LeaseLost("m")) == code_pb2.FAILED_PRECONDITION
    assert detail(to_status(LeaseLost("m"), ""), error_details_pb2.ErrorInfo).reason == "LEASE_LOST"


def test_every_reason_a_kind_gives_is_in_the_contract() -> None:
    known = {name.removeprefix("ERROR_REASON_") for name in error_reason_pb2.ErrorReason.keys()}  # noqa: SIM118
    given = {kind.reason for kind in KINDS if issubclass(kind, errors.DomainError)}
    assert given <= known


def test_violations_name_field_and_line() -> None:
    violations = [errors.FieldViolation("cues[3].start", "after its end", line=12), errors.FieldViolation("b", "bad")]
    status = to_status(errors.InvalidInput("m", violations), "")
    found = detail(status, error_details_pb2.BadRequest).field_violations
    assert [(violation.field, violation.description) for violation in found] == [
        ("cues[3].start", "line 12: after its end"),
        ("b", "bad"),
    ]


@pytest.mark.parametrize("kind", [errors.Unavailable, errors.ResourceExhausted])
def test_when_to_come_back_is_told_where_waiting_helps(kind: type[errors.Unavailable]) -> None:
    retry = detail(to_status(kind("m", retry_after_s=1.25), ""), error_details_pb2.RetryInfo)
    assert (retry.retry_delay.seconds, retry.retry_delay.nanos) == (1, 250_000_000)
    assert detail(to_status(kind("m"), ""), error_details_pb2.RetryInfo) is None


def test_the_unexpected_says_nothing_but_the_request() -> None:
    status = internal_status("request-1")
    assert (status.code, status.message) == (code_pb2.INTERNAL, "internal error")
    assert detail(status, error_details_pb2.RequestInfo).request_id == "request-1"
    assert detail(status, error_details_pb2.ErrorInfo).reason == "INTERNAL"


def of_a_call(code: grpc.StatusCode) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, NOTHING, NOTHING, details="secret words of another service")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectionRefusedError(111, "refused"), errors.Unavailable),
        (socket.gaierror(-2, "Name or service not known"), errors.Unavailable),
        (RedisConnectionError("gone"), errors.Unavailable),
        (TimeoutError(), errors.DeadlineExceeded),
        (asyncpg.ConnectionDoesNotExistError("x"), errors.Unavailable),
        (asyncpg.CannotConnectNowError("x"), errors.Unavailable),
        (asyncpg.AdminShutdownError("x"), errors.Unavailable),
        (asyncpg.TooManyConnectionsError("x"), errors.Unavailable),
        (asyncpg.DiskFullError("x"), errors.Unavailable),
        (asyncpg.ReadOnlySQLTransactionError("x"), errors.Unavailable),
        (asyncpg.InterfaceError("pool is closing"), errors.Unavailable),
        (asyncpg.InternalClientError("cannot switch to state 11"), errors.Unavailable),
        (asyncpg.InterfaceError("cannot perform operation: connection is closed"), errors.Unavailable),
        (asyncpg.DeadlockDetectedError("x"), errors.Aborted),
        (asyncpg.SerializationError("x"), errors.Aborted),
        (asyncpg.QueryCanceledError("x"), errors.DeadlineExceeded),
        (asyncpg.CharacterNotInRepertoireError("x"), errors.InvalidInput),
        (of_a_call(grpc.StatusCode.UNAVAILABLE), errors.Unavailable),
        (of_a_call(grpc.StatusCode.DEADLINE_EXCEEDED), errors.DeadlineExceeded),
        (of_a_call(grpc.StatusCode.RESOURCE_EXHAUSTED), errors.ResourceExhausted),
    ],
    ids=repr,
)
def test_faults_of_dependencies_are_expected_and_keep_their_words(error: Exception, kind: type) -> None:
    found = as_domain_error(error)
    assert type(found) is kind
    assert "secret" not in found.message
    assert found.message != str(error)


@pytest.mark.parametrize(
    "error",
    [
        KeyError("a mistake of ours"),
        asyncpg.UndefinedTableError("x"),
        asyncpg.InterfaceError("the server expects 2 arguments for this query, 1 was passed"),
        asyncpg.exceptions._base.DataError("invalid input for query argument $1"),
        of_a_call(grpc.StatusCode.INVALID_ARGUMENT),
        of_a_call(grpc.StatusCode.UNAUTHENTICATED),
        FileNotFoundError("x"),
    ],
    ids=repr,
)
def test_mistakes_of_our_own_are_not_taken_for_faults_of_dependencies(error: Exception) -> None:
    assert as_domain_error(error) is None
