"""Errors of calls, by kind, with what the services say of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One thing wrong with one field."""

    field: str
    description: str


class ShodhanaError(Exception):
    """A call failed. `reason` is a value of `shodhana.api.errors.v1.ErrorReason` without its prefix."""

    def __init__(self, message: str, code: grpc.StatusCode = grpc.StatusCode.UNKNOWN) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.reason = ""
        self.request_id = ""
        self.violations: list[FieldViolation] = []
        self.retry_after_s: float | None = None


class InvalidRequest(ShodhanaError):
    """INVALID_ARGUMENT: see `violations`."""


class Unauthenticated(ShodhanaError):
    """UNAUTHENTICATED: the credentials or the token do not hold."""


class PermissionDenied(ShodhanaError):
    """PERMISSION_DENIED."""


class NotFound(ShodhanaError):
    """NOT_FOUND."""


class Conflict(ShodhanaError):
    """ALREADY_EXISTS, FAILED_PRECONDITION or ABORTED."""


class LimitExceeded(ShodhanaError):
    """RESOURCE_EXHAUSTED: see `retry_after_s`."""


class Unavailable(ShodhanaError):
    """UNAVAILABLE: see `retry_after_s`."""


class DeadlineExceeded(ShodhanaError):
    """DEADLINE_EXCEEDED."""


_KINDS: dict[grpc.StatusCode, type[ShodhanaError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequest,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: Conflict,
    grpc.StatusCode.FAILED_PRECONDITION: Conflict,
    grpc.StatusCode.ABORTED: Conflict,
    grpc.StatusCode.RESOURCE_EXHAUSTED: LimitExceeded,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
}
_DETAILS = "grpc-status-details-bin"


def error_of(error: grpc.RpcError) -> ShodhanaError:
    """The typed error of a failed call."""
    code: grpc.StatusCode = error.code()
    result = _KINDS.get(code, ShodhanaError)(error.details() or code.name, code)
    metadata: Any = error.trailing_metadata() or ()
    for key, value in metadata:
        if key == _DETAILS:
            _read_details(result, status_pb2.Status.FromString(value))
    return result


def _read_details(result: ShodhanaError, status: status_pb2.Status) -> None:
    details: Any = status.details
    for packed in details:
        if packed.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo()
            packed.Unpack(info)
            result.reason = info.reason
        elif packed.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            bad = error_details_pb2.BadRequest()
            packed.Unpack(bad)
            result.violations = [FieldViolation(found.field, found.description) for found in bad.field_violations]
        elif packed.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            retry = error_details_pb2.RetryInfo()
            packed.Unpack(retry)
            result.retry_after_s = retry.retry_delay.ToTimedelta().total_seconds()
        elif packed.Is(error_details_pb2.RequestInfo.DESCRIPTOR):
            request = error_details_pb2.RequestInfo()
            packed.Unpack(request)
            result.request_id = request.request_id
