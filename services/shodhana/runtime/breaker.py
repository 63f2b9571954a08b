"""A circuit breaker that, half open, lets a single probe through."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import TracebackType

import grpc

from shodhana.errors import DeadlineExceeded, DomainError, Unavailable

from . import metrics

FAULTS = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DATA_LOSS,
    }
)


class CircuitOpen(Unavailable):
    """The dependency failed lately and is not asked again yet."""


class CircuitBreaker:
    """Opens after `failure_threshold` failures in a row; `reset_s` after the last one, a single call is let through.

    What becomes of that probe decides: success closes the breaker, failure starts the wait anew, and where it is
    cancelled the next caller probes. Refusals of a healthy service (not found, invalid, exhausted) are successes; a
    call that had no time left says nothing.

    async with breaker:
        await call()
    """

    def __init__(
        self, name: str, failure_threshold: int = 5, reset_s: float = 2.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name = name
        self._threshold = failure_threshold
        self._reset_s = reset_s
        self._clock = clock
        self._failures = 0
        self._probe_at = 0.0
        self._prober: asyncio.Task[object] | None = None
        self._gauge = metrics.BREAKER_STATE.labels(name)

    @property
    def is_open(self) -> bool:
        """Whether calls are refused, but for a probe."""
        return self._failures >= self._threshold

    async def __aenter__(self) -> None:
        if not self.is_open:
            return
        wait_s = self._probe_at - self._clock()
        if wait_s > 0 or self._prober is not None:
            raise CircuitOpen(f"{self._name} failed lately", retry_after_s=wait_s if wait_s > 0 else self._reset_s)
        self._prober = asyncio.current_task()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._prober is asyncio.current_task():
            self._prober = None
        if error is None or _is_answer(error):
            self._failures = 0
        elif _is_fault(error):
            self._failures += 1
            self._probe_at = self._clock() + self._reset_s
        self._gauge.set(self.is_open)


def _is_answer(error: BaseException) -> bool:
    """Whether a healthy dependency refused."""
    if isinstance(error, grpc.aio.AioRpcError):
        return error.code() not in FAULTS and error.code() is not grpc.StatusCode.CANCELLED
    return isinstance(error, DomainError) and not isinstance(error, Unavailable | DeadlineExceeded)


def _is_fault(error: BaseException) -> bool:
    """Whether the dependency failed; a cancelled call and one without time left tell neither way."""
    if isinstance(error, grpc.aio.AioRpcError):
        return error.code() in FAULTS
    return isinstance(error, Exception) and not isinstance(error, DeadlineExceeded)
