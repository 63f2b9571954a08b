"""Turns exceptions into gRPC statuses with `google.rpc` details, in one place."""

from __future__ import annotations

import math
import socket

import asyncpg
import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from redis.exceptions import RedisError

from shodhana import errors

DOMAIN = "shodhana.api"
DEFAULT_RETRY_S = 1.0
_CODES: dict[type[errors.DomainError], int] = {
    errors.InvalidInput: code_pb2.INVALID_ARGUMENT,
    errors.Unauthenticated: code_pb2.UNAUTHENTICATED,
    errors.PermissionDenied: code_pb2.PERMISSION_DENIED,
    errors.NotFound: code_pb2.NOT_FOUND,
    errors.AlreadyExists: code_pb2.ALREADY_EXISTS,
    errors.FailedPrecondition: code_pb2.FAILED_PRECONDITION,
    errors.Aborted: code_pb2.ABORTED,
    errors.DeadlineExceeded: code_pb2.DEADLINE_EXCEEDED,
    errors.ResourceExhausted: code_pb2.RESOURCE_EXHAUSTED,
    errors.Unavailable: code_pb2.UNAVAILABLE,
}
_LOST_DATABASE = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InsufficientResourcesError,  # too many connections, disk full
    asyncpg.ReadOnlySQLTransactionError,  # a standby, after a fail-over
    asyncpg.InternalClientError,  # a connection that was cut while asyncpg prepared it
)
_TEXT_NOT_STORABLE = (asyncpg.CharacterNotInRepertoireError, asyncpg.UntranslatableCharacterError)
_CLOSED = (
    "is closed",
    "is closing",
)  # how asyncpg's InterfaceError, else a mistake of ours, tells of a lost connection


def as_domain_error(error: Exception) -> errors.DomainError | None:
    """The expected failure behind an exception; None where it was not expected."""
    if isinstance(error, errors.DomainError):
        return error
    if isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError | asyncpg.InternalClientError):
        return _of_database(error)
    if isinstance(error, ConnectionError | RedisError | socket.gaierror):
        return errors.Unavailable("a dependency is not reachable", retry_after_s=DEFAULT_RETRY_S)
    if isinstance(error, TimeoutError):
        return errors.DeadlineExceeded("the time given ran out")
    if isinstance(error, grpc.aio.AioRpcError):
        return _of_called_service(error)
    return None


def _of_database(error: Exception) -> errors.DomainError | None:
    if isinstance(error, _LOST_DATABASE) or _is_closed(error):
        return errors.Unavailable("the database is not reachable", retry_after_s=DEFAULT_RETRY_S)
    if isinstance(error, asyncpg.TransactionRollbackError):
        return errors.Aborted("a concurrent change won")
    if isinstance(error, asyncpg.QueryCanceledError):
        return errors.DeadlineExceeded("the time given ran out in the database")
    if isinstance(error, _TEXT_NOT_STORABLE):
        return errors.InvalidInput("a text holds a NUL character, which cannot be stored")
    return None


def _is_closed(error: Exception) -> bool:
    return isinstance(error, asyncpg.InterfaceError) and str(error).endswith(_CLOSED)


def _of_called_service(error: grpc.aio.AioRpcError) -> errors.DomainError | None:
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return errors.DeadlineExceeded("the time given ran out in a called service")
    if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
        return errors.Unavailable("a called service is not reachable", retry_after_s=DEFAULT_RETRY_S)
    if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return errors.ResourceExhausted("a called service is at its limit", retry_after_s=DEFAULT_RETRY_S)
    return None


def to_status(error: errors.DomainError, request_id: str) -> status_pb2.Status:
    """Code, message, ErrorInfo and whatever details the kind has."""
    details: list[Message] = [
        error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata),
        error_details_pb2.RequestInfo(request_id=request_id),
    ]
    if isinstance(error, errors.InvalidInput) and error.violations:
        details.append(_bad_request(error))
    if isinstance(error, errors.ResourceExhausted | errors.Unavailable) and error.retry_after_s is not None:
        fraction, whole = math.modf(error.retry_after_s)
        delay = duration_pb2.Duration(seconds=int(whole), nanos=int(fraction * 1e9))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    return _status(code_of(error), error.message, details)


def internal_status(request_id: str) -> status_pb2.Status:
    """What a caller sees of an unexpected failure."""
    info = error_details_pb2.ErrorInfo(reason="INTERNAL", domain=DOMAIN)
    request = error_details_pb2.RequestInfo(request_id=request_id)
    return _status(code_pb2.INTERNAL, "internal error", [info, request])


def code_of(error: errors.DomainError) -> int:
    """Number of the status code of the error's kind."""
    return next((_CODES[kind] for kind in type(error).__mro__ if kind in _CODES), code_pb2.UNKNOWN)


def _bad_request(error: errors.InvalidInput) -> error_details_pb2.BadRequest:
    violations = [
        error_details_pb2.BadRequest.FieldViolation(
            field=violation.field,
            description=_described(violation),
        )
        for violation in error.violations[:100]
    ]
    return error_details_pb2.BadRequest(field_violations=violations)


def _described(violation: errors.FieldViolation) -> str:
    return violation.description if violation.line is None else f"line {violation.line}: {violation.description}"


def _status(code: int, message: str, details: list[Message]) -> status_pb2.Status:
    packed = []
    for detail in details:
        packed.append(any_pb2.Any())
        packed[-1].Pack(detail)
    return status_pb2.Status(code=code, message=message, details=packed)
