"""The circuit breaker, also under many callers at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import grpc
import pytest
from prometheus_client import REGISTRY
from shodhana.errors import DeadlineExceeded, InvalidInput, NotFound, ResourceExhausted, Unavailable
from shodhana.runtime.breaker import CircuitBreaker, CircuitOpen

THRESHOLD, RESET_S = 3, 2.0
NOTHING = grpc.aio.Metadata()


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker("a dependency", THRESHOLD, RESET_S, clock)


def status(code: grpc.StatusCode) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, NOTHING, NOTHING)


async def call(breaker: CircuitBreaker, work: Callable[[], Awaitable[str]]) -> str:
    async with breaker:
        return await work()


async def works() -> str:
    return "an answer"


def fails_with(error: Exception) -> Callable[[], Awaitable[str]]:
    async def work() -> str:
        raise error

    return work


async def fail(breaker: CircuitBreaker, times: int = 1, error: Exception | None = None) -> None:
    expected = error or ConnectionError("down")
    for _ in range(times):
        with pytest.raises(type(expected)):
            await call(breaker, fails_with(expected))


async def test_it_opens_after_so_many_failures_in_a_row_and_says_when_to_come_back(breaker: CircuitBreaker) -> None:
    await fail(breaker, THRESHOLD - 1)
    assert await call(breaker, works) == "an answer"  # the row is broken
    await fail(breaker, THRESHOLD)
    with pytest.raises(CircuitOpen) as refusal:
        await call(breaker, works)
    assert refusal.value.retry_after_s == RESET_S


async def test_of_many_callers_only_one_probes_however_long_it_takes(breaker: CircuitBreaker, clock: Clock) -> None:
    await fail(breaker, THRESHOLD)
    clock.now += RESET_S
    arrived, gate = 0, asyncio.Event()

    async def probe() -> str:
        nonlocal arrived
        arrived += 1
        await gate.wait()
        return "an answer"

    callers = [asyncio.create_task(call(breaker, probe)) for _ in range(50)]
    refused, _ = await asyncio.wait(callers, return_when=asyncio.FIRST_EXCEPTION)
    clock.now += 100 * RESET_S
    late = await asyncio.gather(*(call(breaker, probe) for _ in range(50)), return_exceptions=True)
    gate.set()
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert arrived == 1
    assert refused
    assert results.count("an answer") == 1
    assert all(isinstance(result, CircuitOpen) for result in late)
    assert await call(breaker, works) == "an answer"  # the probe closed it


async def test_a_probe_that_fails_starts_the_wait_anew(breaker: CircuitBreaker, clock: Clock) -> None:
    await fail(breaker, THRESHOLD)
    clock.now += RESET_S
    await fail(breaker)
    clock.now += RESET_S / 2
    with pytest.raises(CircuitOpen):
        await call(breaker, works)
    clock.now += RESET_S / 2
    assert await call(breaker, works) == "an answer"
    assert not breaker.is_open


async def test_after_a_cancelled_probe_the_next_caller_probes_at_once(breaker: CircuitBreaker, clock: Clock) -> None:
    await fail(breaker, THRESHOLD)
    clock.now += RESET_S
    started = asyncio.Event()

    async def hang() -> str:
        started.set()
        await asyncio.Event().wait()
        return ""

    probe = asyncio.create_task(call(breaker, hang))
    await started.wait()
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    assert breaker.is_open
    assert await call(breaker, works) == "an answer"
    assert not breaker.is_open


@pytest.mark.parametrize(
    "refusal",
    [
        InvalidInput("wrong"),
        NotFound("not there"),
        ResourceExhausted("full"),
        status(grpc.StatusCode.NOT_FOUND),
        status(grpc.StatusCode.INVALID_ARGUMENT),
        status(grpc.StatusCode.FAILED_PRECONDITION),
        status(grpc.StatusCode.RESOURCE_EXHAUSTED),
        status(grpc.StatusCode.PERMISSION_DENIED),
    ],
    ids=repr,
)
async def test_refusals_of_a_healthy_dependency_do_not_open_it(breaker: CircuitBreaker, refusal: Exception) -> None:
    await fail(breaker, THRESHOLD - 1)
    await fail(breaker, 1, refusal)
    await fail(breaker, THRESHOLD - 1)
    assert not breaker.is_open


@pytest.mark.parametrize(
    "fault",
    [
        Unavailable("no address"),
        TimeoutError(),
        status(grpc.StatusCode.UNAVAILABLE),
        status(grpc.StatusCode.DEADLINE_EXCEEDED),
        status(grpc.StatusCode.INTERNAL),
        status(grpc.StatusCode.UNKNOWN),
    ],
    ids=repr,
)
async def test_faults_open_it(breaker: CircuitBreaker, fault: Exception) -> None:
    await fail(breaker, THRESHOLD, fault)
    assert breaker.is_open


@pytest.mark.parametrize("silence", [DeadlineExceeded("no time"), status(grpc.StatusCode.CANCELLED)], ids=repr)
async def test_a_call_that_never_reached_it_counts_neither_way(breaker: CircuitBreaker, silence: Exception) -> None:
    await fail(breaker, 10 * THRESHOLD, silence)
    assert not breaker.is_open
    await fail(breaker, THRESHOLD - 1)
    await fail(breaker, 1, silence)
    await fail(breaker)
    assert breaker.is_open


async def test_its_state_is_a_metric(breaker: CircuitBreaker, clock: Clock) -> None:
    def shown() -> float | None:
        return REGISTRY.get_sample_value("circuit_breaker_open", {"breaker": "a dependency"})

    await fail(breaker, THRESHOLD)
    assert shown() == 1
    clock.now += RESET_S
    await call(breaker, works)
    assert shown() == 0
