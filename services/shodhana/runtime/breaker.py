"""A circuit breaker that, half open, lets a single probe through."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType

from shodhana.errors import DomainError, InvalidInput, NotFound, Unavailable

from . import metrics

HARMLESS = (InvalidInput, NotFound)  # answers of a healthy service


class CircuitOpen(Unavailable):
    """The dependency failed lately and is not asked again yet."""


class CircuitBreaker:
    """Opens after `failure_threshold` failures in a row; probes once every `reset_s`.

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

    @property
    def is_open(self) -> bool:
        """Whether calls are refused, but for a probe."""
        return self._failures >= self._threshold

    async def __aenter__(self) -> None:
        if not self.is_open:
            return
        now = self._clock()
        if now < self._probe_at:
            raise CircuitOpen(f"{self._name} failed lately", retry_after_s=self._probe_at - now)
        self._probe_at = now + self._reset_s  # this caller is the probe; the others wait for it

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, HARMLESS):
            self._failures = 0
        elif isinstance(error, Exception | DomainError):
            self._failures += 1
            self._probe_at = self._clock() + self._reset_s
        metrics.BREAKER_STATE.labels(self._name).set(self.is_open)
