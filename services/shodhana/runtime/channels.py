"""Channels to the other services: least-loaded over replicas, safe retries, deadlines and traces handed on."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, cast

import grpc
from opentelemetry.trace import SpanKind, Status, StatusCode

from shodhana.errors import DeadlineExceeded, Unavailable

from . import contracts, deadline, telemetry
from .auth import ServiceAccountTokens
from .settings import RuntimeSettings

MAX_ATTEMPTS = 4
BACK_OFF_S = 0.02
SHUN_S = 1.0  # a replica that just failed is passed over that long, where there is another
MAX_CALL_BYTES = 64 * 1024 * 1024
OPTIONS = (
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.max_send_message_length", MAX_CALL_BYTES),
    ("grpc.max_receive_message_length", MAX_CALL_BYTES),
    ("grpc.enable_retries", 0),  # retries are ours: grpc's own know neither replicas nor the contracts
    ("grpc.service_config", '{"loadBalancingConfig": [{"round_robin": {}}]}'),
)
Header = Callable[[], Awaitable[str]]


class RetryThrottle:
    """Retries cost a token, successes earn a tenth: under an outage retries stop by themselves (gRFC A6)."""

    def __init__(self, tokens: float = 20.0) -> None:
        self._most = self._tokens = tokens

    def succeeded(self) -> None:
        self._tokens = min(self._most, self._tokens + 0.1)

    def may_retry(self) -> bool:
        """Notes a failure; whether another attempt is affordable."""
        self._tokens = max(0.0, self._tokens - 1)
        return self._tokens > self._most / 2


class Replica:
    """One address, its connection and how busy it is."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.in_flight = 0
        self.shunned_until = 0.0
        self._channel = grpc.aio.insecure_channel(target, options=OPTIONS)
        self._callables: dict[str, Any] = {}

    def callable_for(self, kind: str, method: str, serializers: tuple[Any, Any]) -> Any:
        """The multicallable of a method, made once."""
        found = self._callables.get(method)
        if found is None:
            make = getattr(self._channel, kind)
            found = self._callables[method] = make(
                method, request_serializer=serializers[0], response_deserializer=serializers[1]
            )
        return found

    async def close(self) -> None:
        await self._channel.close()


class MeshChannel:
    """One logical channel to a service; generated asynchronous stubs take it for a `grpc.aio.Channel`.

    Raises `grpc.aio.AioRpcError`, as a plain channel does, and DeadlineExceeded before a call that has no time left.
    """

    def __init__(
        self, service: str, targets: Sequence[str], header: Header | None, default_deadline_s: float = 30.0
    ) -> None:
        self.service = service
        self._replicas = [Replica(target) for target in targets]
        self._header = header
        self._default_deadline_s = default_deadline_s
        self._throttle = RetryThrottle()

    def unary_unary(
        self, method: str, request_serializer: Any = None, response_deserializer: Any = None, **_: Any
    ) -> Callable[..., Awaitable[Any]]:
        serializers = (request_serializer, response_deserializer)

        async def call(request: Any, *, timeout: float | None = None, metadata: Any = None, **_: Any) -> Any:
            return await self._unary(method, serializers, request, timeout, metadata)

        return call

    def unary_stream(
        self, method: str, request_serializer: Any = None, response_deserializer: Any = None, **_: Any
    ) -> Callable[..., AsyncIterator[Any]]:
        return self._streaming("unary_stream", method, (request_serializer, response_deserializer))

    def stream_stream(
        self, method: str, request_serializer: Any = None, response_deserializer: Any = None, **_: Any
    ) -> Callable[..., AsyncIterator[Any]]:
        return self._streaming("stream_stream", method, (request_serializer, response_deserializer))

    def stream_unary(
        self, method: str, request_serializer: Any = None, response_deserializer: Any = None, **_: Any
    ) -> Callable[..., Awaitable[Any]]:
        serializers = (request_serializer, response_deserializer)

        async def call(requests: Any, *, timeout: float | None = None, metadata: Any = None, **_: Any) -> Any:
            replica = self._least_loaded()
            function = replica.callable_for("stream_unary", method, serializers)
            return await function(requests, timeout=self._time_left(timeout), metadata=await self._metadata(metadata))

        return call

    async def close(self) -> None:
        """Closes every replica's connection."""
        for replica in self._replicas:
            await replica.close()

    async def _unary(self, method: str, serializers: Any, request: Any, timeout: float | None, metadata: Any) -> Any:
        ends_at = time.monotonic() + self._time_left(timeout)
        with telemetry.tracer.start_as_current_span(method.lstrip("/"), kind=SpanKind.CLIENT) as span:
            span.set_attribute("rpc.system", "grpc")
            headers = await self._metadata(metadata)
            for attempt in range(1, MAX_ATTEMPTS + 1):
                try:
                    left = ends_at - time.monotonic()
                    return await self._attempt(method, serializers, request, left, headers)
                except grpc.aio.AioRpcError as error:
                    pause_s = random.uniform(0.5, 1) * BACK_OFF_S * 2**attempt
                    if not self._worth_retrying(method, error, attempt) or time.monotonic() + pause_s > ends_at:
                        span.set_status(Status(StatusCode.ERROR, error.code().name))
                        raise
                    span.add_event("retry", {"attempt": attempt})
                    await asyncio.sleep(pause_s)
        raise AssertionError("the last attempt returns or raises")

    async def _attempt(self, method: str, serializers: Any, request: Any, left_s: float, headers: Any) -> Any:
        replica = self._least_loaded()
        function = replica.callable_for("unary_unary", method, serializers)
        replica.in_flight += 1
        call = function(request, timeout=left_s, metadata=headers)
        try:
            answer = await call
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                replica.shunned_until = time.monotonic() + SHUN_S
            raise
        except asyncio.CancelledError:
            call.cancel()  # abandoned calls are not cancelled by themselves
            raise
        finally:
            replica.in_flight -= 1
        self._throttle.succeeded()
        return answer

    def _worth_retrying(self, method: str, error: grpc.aio.AioRpcError, attempt: int) -> bool:
        if error.code() is not grpc.StatusCode.UNAVAILABLE or not contracts.is_repeatable(method):
            return False
        return attempt < MAX_ATTEMPTS and self._throttle.may_retry()

    def _streaming(self, kind: str, method: str, serializers: Any) -> Callable[..., AsyncIterator[Any]]:
        async def call(
            request: Any, *, timeout: float | None = None, metadata: Any = None, **_: Any
        ) -> AsyncIterator[Any]:
            replica = self._least_loaded()
            function = replica.callable_for(kind, method, serializers)
            replica.in_flight += 1
            stream = function(request, timeout=self._time_left(timeout), metadata=await self._metadata(metadata))
            try:
                async for item in stream:
                    yield item
            finally:
                replica.in_flight -= 1
                stream.cancel()

        return call

    def _least_loaded(self) -> Replica:
        if not self._replicas:
            raise Unavailable(f"no address of {self.service} is configured")
        now = time.monotonic()
        well = [replica for replica in self._replicas if replica.shunned_until <= now] or self._replicas
        fewest = min(replica.in_flight for replica in well)
        return random.choice([replica for replica in well if replica.in_flight == fewest])

    def _time_left(self, timeout: float | None) -> float:
        left = deadline.budget_s(self._default_deadline_s if timeout is None else timeout)
        if left <= 0:
            raise DeadlineExceeded(f"no time left to call {self.service}")
        return left

    async def _metadata(self, metadata: Any) -> tuple[tuple[str, str], ...]:
        headers = telemetry.inject({})
        if self._header is not None:
            headers["authorization"] = await self._header()
        return (*headers.items(), *(metadata or ()))


class Channels:
    """The channels of one process, made when first asked for; an asynchronous context that closes them."""

    def __init__(self, settings: RuntimeSettings) -> None:
        self._settings = settings
        self._header = _own_header(settings)
        self._made: dict[str, MeshChannel] = {}

    def to(self, service: str) -> grpc.aio.Channel:
        """The channel to a service, for its asynchronous stub."""
        if service not in self._made:
            targets = self._settings.addresses_of(service)
            self._made[service] = MeshChannel(service, targets, self._header, self._settings.default_deadline_s)
        return cast("grpc.aio.Channel", self._made[service])

    async def __aenter__(self) -> Channels:
        return self

    async def __aexit__(self, *_: object) -> None:
        for channel in self._made.values():
            await channel.close()


def _own_header(settings: RuntimeSettings) -> Header | None:
    account, secret, targets = settings.service_account_id, settings.service_account_secret, settings.identity_addresses
    return ServiceAccountTokens(targets, account, secret).header if account and secret and targets else None
