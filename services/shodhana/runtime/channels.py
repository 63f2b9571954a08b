"""Channels to the other services: least-loaded over replicas, safe retries, deadlines and traces handed on."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import grpc
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from shodhana.api.identity.v1 import identity_pb2_grpc
from shodhana.errors import DeadlineExceeded, DomainError

from . import contracts, deadline, telemetry
from .replicas import HUNG_OR_GONE, Replica, Replicas
from .service_account import ServiceAccountTokens
from .settings import RuntimeSettings
from .wires import Wire, wire_of

MAX_ATTEMPTS = 4
BACK_OFF_S = 0.02
Headers = tuple[tuple[str, str], ...]


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


class MeshChannel:
    """One logical channel to a service; generated asynchronous stubs take it for a `grpc.aio.Channel`.

    Raises `grpc.aio.AioRpcError`, as a plain channel does, and DeadlineExceeded before a call that has no time left.
    """

    def __init__(
        self,
        service: str,
        replicas: Replicas,
        tokens: ServiceAccountTokens | None = None,
        default_deadline_s: float = 30.0,
    ) -> None:
        self.service = service
        self._replicas = replicas
        self._tokens = tokens
        self._default_deadline_s = default_deadline_s
        self._throttle = RetryThrottle()

    def unary_unary(
        self, method: str, request_serializer: Any = None, response_deserializer: Any = None, **_: Any
    ) -> Callable[..., Awaitable[Any]]:
        return self._unary("unary_unary", method, (request_serializer, response_deserializer))

    def stream_unary(
        self, method: str, request_serializer: Any = None, response_deserializer: Any = None, **_: Any
    ) -> Callable[..., Awaitable[Any]]:
        return self._unary("stream_unary", method, (request_serializer, response_deserializer))

    def unary_stream(
        self, method: str, request_serializer: Any = None, response_deserializer: Any = None, **_: Any
    ) -> Callable[..., AsyncIterator[Any]]:
        return self._stream("unary_stream", method, (request_serializer, response_deserializer))

    def stream_stream(
        self, method: str, request_serializer: Any = None, response_deserializer: Any = None, **_: Any
    ) -> Callable[..., AsyncIterator[Any]]:
        return self._stream("stream_stream", method, (request_serializer, response_deserializer))

    async def close(self) -> None:
        """Closes every replica's connection."""
        await self._replicas.close()

    def _unary(self, kind: str, method: str, serializers: tuple[Any, Any]) -> Callable[..., Awaitable[Any]]:
        async def call(request: Any, *, timeout: float | None = None, metadata: Any = None, **_: Any) -> Any:
            ends_at = time.monotonic() + self._time_left(timeout)
            with _client_span(method) as span:
                for attempt in range(1, MAX_ATTEMPTS + 1):
                    replica, headers = await self._prepare(ends_at, metadata)
                    try:
                        function = replica.callable_for(kind, method, serializers)
                        timeout_s = self._patience_s(kind, method, ends_at - time.monotonic())
                        return await self._attempt(replica, function, request, timeout_s, headers)
                    except grpc.aio.AioRpcError as error:
                        pause_s = self._pause_s(kind, method, error, attempt, headers)
                        if pause_s is None or time.monotonic() + pause_s > ends_at:
                            raise
                        span.add_event("retry", {"attempt": attempt})
                        await asyncio.sleep(pause_s)
            raise AssertionError("the last attempt returns or raises")

        return call

    def _stream(self, kind: str, method: str, serializers: tuple[Any, Any]) -> Callable[..., AsyncIterator[Any]]:
        async def call(
            request: Any, *, timeout: float | None = None, metadata: Any = None, **_: Any
        ) -> AsyncIterator[Any]:
            ends_at = time.monotonic() + self._time_left(timeout)
            replica, headers = await self._prepare(ends_at, metadata)
            replica.in_flight += 1
            stream = None
            try:
                function = replica.callable_for(kind, method, serializers)
                stream = function(request, timeout=ends_at - time.monotonic(), metadata=headers)
                async for item in stream:
                    yield item
            except grpc.aio.AioRpcError as error:
                replica.note(error)
                self._give_up_refused(error, headers)
                raise
            finally:
                replica.in_flight -= 1
                if stream is not None:
                    stream.cancel()

        return call

    async def _prepare(self, ends_at: float, metadata: Any) -> tuple[Replica, Headers]:
        """Where to and with which headers; a new token or an address may have to be waited for."""
        try:
            async with asyncio.timeout(ends_at - time.monotonic()):
                headers = telemetry.inject({})
                if self._tokens is not None:
                    headers["authorization"] = await self._tokens.header()
                return await self._replicas.least_loaded(), (*headers.items(), *(metadata or ()))
        except TimeoutError as error:
            raise DeadlineExceeded(f"no time left to call {self.service}") from error

    async def _attempt(self, replica: Replica, function: Any, request: Any, timeout_s: float, headers: Headers) -> Any:
        replica.in_flight += 1
        call = None
        try:
            call = function(request, timeout=timeout_s, metadata=headers)
            answer = await call
        except grpc.aio.AioRpcError as error:
            replica.note(error)
            raise
        except asyncio.CancelledError:
            if call is not None:
                call.cancel()  # abandoned calls are not cancelled by themselves
            raise
        finally:
            replica.in_flight -= 1
        self._throttle.succeeded()
        return answer

    def _patience_s(self, kind: str, method: str, left_s: float) -> float:
        """How long an attempt may take: where another replica may be asked, one that hangs has half of what is left."""
        has_another = len(self._replicas) > 1 and _may_repeat(kind, method)
        return left_s / 2 if has_another else left_s

    def _pause_s(
        self, kind: str, method: str, error: grpc.aio.AioRpcError, attempt: int, headers: Headers
    ) -> float | None:
        """How long to wait before another attempt; None: there is none."""
        if kind != "unary_unary" or attempt == MAX_ATTEMPTS:
            return None
        if self._give_up_refused(error, headers):
            return 0.0 if attempt == 1 else None  # refused before anything was done: safe whatever the method
        if error.code() not in HUNG_OR_GONE or not contracts.is_repeatable(method):
            return None
        return random.uniform(0.5, 1) * BACK_OFF_S * 2**attempt if self._throttle.may_retry() else None

    def _give_up_refused(self, error: grpc.aio.AioRpcError, headers: Headers) -> bool:
        """Whether our own token was refused; the next call asks for a new one."""
        if self._tokens is None or error.code() is not grpc.StatusCode.UNAUTHENTICATED:
            return False
        self._tokens.refused(dict(headers).get("authorization", ""))
        return True

    def _time_left(self, timeout: float | None) -> float:
        left = deadline.budget_s(self._default_deadline_s if timeout is None else timeout)
        if left <= 0:
            raise DeadlineExceeded(f"no time left to call {self.service}")
        return left


def _may_repeat(kind: str, method: str) -> bool:
    return kind == "unary_unary" and contracts.is_repeatable(method)


class Channels:
    """The channels of one process, made when first asked for; an asynchronous context that closes them."""

    def __init__(self, settings: RuntimeSettings, wire: Wire | None = None) -> None:
        self._settings = settings
        self._wire = wire or wire_of(settings.mesh_tls_path)
        self._made: dict[tuple[str, bool], MeshChannel] = {}
        self._tokens = self._own_tokens()

    def to(self, service: str) -> grpc.aio.Channel:
        """The channel to a service, for its asynchronous stub."""
        return cast("grpc.aio.Channel", self._channel(service, self._tokens))

    async def __aenter__(self) -> Channels:
        return self

    async def __aexit__(self, *_: object) -> None:
        for channel in self._made.values():
            await channel.close()

    def _channel(self, service: str, tokens: ServiceAccountTokens | None) -> MeshChannel:
        key = (service, tokens is not None)
        if key not in self._made:
            addresses, keepalive_s = self._settings.addresses_of(service), self._settings.keepalive_s
            replicas = Replicas(service, addresses, keepalive_s, wire=self._wire)
            self._made[key] = MeshChannel(service, replicas, tokens, self._settings.default_deadline_s)
        return self._made[key]

    def _own_tokens(self) -> ServiceAccountTokens | None:
        account, secret = self._settings.service_account_id, self._settings.service_account_secret
        if not (account and secret and self._settings.identity_addresses):
            return None
        channel = cast("grpc.aio.Channel", self._channel("identity", None))
        return ServiceAccountTokens(identity_pb2_grpc.IdentityServiceStub(channel).IssueToken, account, secret)


@contextmanager
def _client_span(method: str) -> Iterator[Span]:
    with telemetry.tracer.start_as_current_span(
        method.lstrip("/"),
        kind=SpanKind.CLIENT,
        attributes={"rpc.system": "grpc"},
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except grpc.aio.AioRpcError as error:
            span.set_status(Status(StatusCode.ERROR, error.code().name))
            raise
        except DomainError as error:
            span.set_status(Status(StatusCode.ERROR, error.reason))
            raise
