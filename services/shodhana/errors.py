"""The kinds of error a domain raises; the runtime turns each into a gRPC status and `google.rpc` details.

A domain names its own errors by subclassing a kind:

    class LeaseLost(FailedPrecondition):
        reason = "LEASE_LOST"
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One thing wrong: `field` is a path (`cues[3].start`), `line` is 1-based where the input has lines."""

    field: str
    description: str
    line: int | None = None


class DomainError(Exception):
    """An expected failure; its message is written for the caller and leaves the process.

    `reason` names a value of `shodhana.api.errors.v1.ErrorReason` without the enum's prefix; `metadata` are
    short facts for programs (ids, limits).
    """

    reason: ClassVar[str] = "UNSPECIFIED"

    def __init__(self, message: str, *, metadata: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.metadata = dict(metadata or {})


class InvalidInput(DomainError):
    """The request is wrong whatever the state of the system (INVALID_ARGUMENT + BadRequest)."""

    reason = "INVALID_INPUT"

    def __init__(
        self, message: str, violations: Sequence[FieldViolation] = (), *, metadata: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message, metadata=metadata)
        self.violations = tuple(violations)


class Unauthenticated(DomainError):
    """No token, or one that does not hold (UNAUTHENTICATED)."""

    reason = "TOKEN_INVALID"


class PermissionDenied(DomainError):
    """The caller is known and may not (PERMISSION_DENIED)."""

    reason = "PERMISSION_MISSING"


class NotFound(DomainError):
    """The named resource does not exist (NOT_FOUND)."""

    reason = "RESOURCE_NOT_FOUND"


class AlreadyExists(DomainError):
    """The resource to create exists with other content (ALREADY_EXISTS)."""

    reason = "RESOURCE_EXISTS"


class FailedPrecondition(DomainError):
    """The state of the system refuses the call until somebody changes it (FAILED_PRECONDITION)."""

    reason = "STATE_REFUSES"


class Aborted(DomainError):
    """A concurrent change won; read again and retry (ABORTED)."""

    reason = "CONCURRENT_CHANGE"


class DeadlineExceeded(DomainError):
    """The caller's time ran out before the work was done (DEADLINE_EXCEEDED)."""

    reason = "DEADLINE_EXCEEDED"


class _Retryable(DomainError):
    def __init__(
        self, message: str, *, retry_after_s: float | None = None, metadata: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message, metadata=metadata)
        self.retry_after_s = retry_after_s


class ResourceExhausted(_Retryable):
    """A queue, a quota or a size limit is full (RESOURCE_EXHAUSTED, + RetryInfo where waiting helps)."""

    reason = "LIMIT_EXCEEDED"


class Unavailable(_Retryable):
    """A dependency is down; the same call may pass later (UNAVAILABLE + RetryInfo)."""

    reason = "DEPENDENCY_UNAVAILABLE"
