"""Which failed calls are sent again, how often and when."""

from __future__ import annotations

import random
import time
from typing import Any

import grpc
from google.protobuf import descriptor_pb2

from .errors import LimitExceeded, ShodhanaError, Unauthenticated, Unavailable, error_of

MAX_ATTEMPTS = 4
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 1.0
REPEATABLE = (descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS, descriptor_pb2.MethodOptions.IDEMPOTENT)


def is_repeatable(method: Any, request: Any) -> bool:
    """Whether a call may reach its service twice: the contract says so, or the request carries a `request_id`."""
    return method.GetOptions().idempotency_level in REPEATABLE or bool(getattr(request, "request_id", ""))


class Throttle:
    """Repeats cost a token, successes earn a tenth: in an outage repeats stop by themselves (gRFC A6)."""

    def __init__(self, tokens: float = 20.0) -> None:
        self._most = self._tokens = tokens

    def succeeded(self) -> None:
        self._tokens = min(self._most, self._tokens + 0.1)

    def may_repeat(self) -> bool:
        """Notes a failure; whether another attempt is affordable."""
        self._tokens = max(0.0, self._tokens - 1)
        return self._tokens > self._most / 2


class Attempts:
    """The attempts at one call, within its deadline (None: it has none)."""

    def __init__(self, throttle: Throttle, timeout_s: float | None, *, repeatable: bool, has_token: bool) -> None:
        self._throttle = throttle
        self._ends_at = None if timeout_s is None else time.monotonic() + timeout_s
        self._repeatable = repeatable
        self._may_renew_token = has_token
        self._failures = 0

    def left_s(self) -> float | None:
        """Time that is left of the deadline."""
        return None if self._ends_at is None else max(0.001, self._ends_at - time.monotonic())

    def succeeded(self) -> None:
        self._throttle.succeeded()

    def pause_s(self, error: grpc.RpcError) -> float:
        """How long to wait before the next attempt. Raises the typed error where there is none."""
        failure = error_of(error)
        pause = self._pause_s(failure)
        left_s = self.left_s()
        if pause is None or (left_s is not None and pause >= left_s):
            raise failure from error
        return pause

    def _pause_s(self, failure: ShodhanaError) -> float | None:
        self._failures += 1
        if isinstance(failure, Unauthenticated) and self._may_renew_token:
            self._may_renew_token = False  # the signing key may have changed; a second refusal is meant
            return 0.0
        if not self._repeatable or self._failures >= MAX_ATTEMPTS or not _may_pass(failure):
            return None
        if not self._throttle.may_repeat():
            return None
        back_off = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (self._failures - 1))
        return failure.retry_after_s or back_off * random.uniform(0.8, 1.2)


def _may_pass(failure: ShodhanaError) -> bool:
    """UNAVAILABLE, or a full queue that says when to come again; a size limit does not pass."""
    full = isinstance(failure, LimitExceeded) and failure.retry_after_s is not None
    return full or isinstance(failure, Unavailable)
