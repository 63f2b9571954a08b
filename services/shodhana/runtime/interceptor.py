"""The one server interceptor: trace, deadline, auth, validation, errors, metrics and the log line of each RPC.

One interceptor and not six: each layer of `grpc.aio` interception costs about as much as all the work done here.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import protovalidate
import structlog
from google.protobuf.message import Message
from google.rpc import code_pb2, status_pb2
from grpc_status import rpc_status
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from shodhana.errors import FieldViolation, InvalidInput

from . import contracts, deadline, errors, metrics, telemetry
from .auth import Principal, TokenVerifier

Context = grpc.aio.ServicerContext[Any, Any]
SERVER_FAULTS = {code_pb2.UNKNOWN, code_pb2.INTERNAL, code_pb2.UNAVAILABLE, code_pb2.DEADLINE_EXCEEDED}
_log = structlog.get_logger()


class ServerInterceptor(grpc.aio.ServerInterceptor):
    """Wraps every handler once and keeps it."""

    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier
        self._handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        method = handler_call_details.method
        wrapped = self._handlers.get(method)
        if wrapped is None:
            handler = await continuation(handler_call_details)
            if handler is None or method.startswith(contracts.OPEN_SERVICES):
                return handler
            wrapped = self._handlers[method] = self._wrap(method, handler)
        return wrapped

    def _wrap(self, method: str, handler: grpc.RpcMethodHandler[Any, Any]) -> grpc.RpcMethodHandler[Any, Any]:
        serializers = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(self._unary(method, handler.unary_unary), **serializers)
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(self._stream(method, handler.unary_stream), **serializers)
        if handler.stream_unary:
            return grpc.stream_unary_rpc_method_handler(self._unary(method, handler.stream_unary), **serializers)
        return grpc.stream_stream_rpc_method_handler(self._stream(method, handler.stream_stream), **serializers)

    def _unary(self, method: str, behavior: Any) -> Any:
        async def answer(request: Any, context: Context) -> Any:
            call = ServerCall(method, context)
            try:
                call.authorize(self._verifier)
                return await behavior(_checked(request), context)
            except Exception as error:
                await call.fail(error)
            finally:
                call.end()

        return answer

    def _stream(self, method: str, behavior: Any) -> Any:
        async def answer(request: Any, context: Context) -> AsyncIterator[Any]:
            call = ServerCall(method, context)
            try:
                call.authorize(self._verifier)
                async for item in behavior(_checked(request), context):
                    yield item
            except Exception as error:
                await call.fail(error)
            finally:
                call.end()

        return answer


class ServerCall:
    """One RPC, from its arrival to its log line."""

    def __init__(self, method: str, context: Context) -> None:
        self._context = context
        self._service, _, self._name = method.lstrip("/").partition("/")
        self._method = method
        self._began = time.perf_counter()
        self._code: Any = code_pb2.OK
        self._caller: Principal | None = None
        metadata = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
        self._authorization = metadata.get("authorization")
        self.request_id = metadata.get("x-request-id") or str(uuid.uuid4())
        deadline.begin(context.time_remaining())
        self._span = telemetry.tracer.start_span(
            f"{self._service}/{self._name}",
            context=telemetry.extract(metadata),
            kind=SpanKind.SERVER,
            attributes={"rpc.system": "grpc", "rpc.service": self._service, "rpc.method": self._name},
        )
        self._scope = otel_context.attach(trace.set_span_in_context(self._span))

    def authorize(self, verifier: TokenVerifier) -> None:
        """Verifies the caller and what it may do. Raises Unauthenticated or PermissionDenied."""
        self._caller = verifier.authorize(self._method, self._authorization)

    async def fail(self, error: Exception) -> None:
        """Ends the RPC with the status of the error; an abort of the servicer's own passes through."""
        if isinstance(error, grpc.aio.AbortError):
            self._code = self._context.code()
            raise error
        await self._context.abort_with_status(rpc_status.to_status(self._status_of(error)))

    def _status_of(self, error: Exception) -> status_pb2.Status:
        expected = errors.as_domain_error(error)
        if expected is None:
            _log.error("unexpected_error", method=self._method, request_id=self.request_id, exc_info=error)
            self._span.record_exception(error)
            status = errors.internal_status(self.request_id)
        else:
            status = errors.to_status(expected, self.request_id)
        self._code = status.code
        return status

    def end(self) -> None:
        """Closes the span, counts and logs."""
        if self._context.cancelled():
            self._code = code_pb2.CANCELLED
        elapsed_s = time.perf_counter() - self._began
        code = code_pb2.Code.Name(self._code) if isinstance(self._code, int) else self._code.name
        trace_id = telemetry.trace_id()
        self._span.set_attribute("rpc.response.status_code", code)
        if self._code in SERVER_FAULTS:
            self._span.set_status(Status(StatusCode.ERROR, code))
        self._span.end()
        exemplar = {"trace_id": trace_id} if trace_id else None
        metrics.RPC_DURATION.labels(self._service, self._name, code).observe(elapsed_s, exemplar)
        _log.info(
            "rpc",
            method=self._method,
            code=code,
            ms=round(elapsed_s * 1000, 2),
            peer=self._context.peer(),
            subject=self._caller.subject if self._caller else "",
            request_id=self.request_id,
        )
        _detach(self._scope)


def _detach(scope: Any) -> None:
    with contextlib.suppress(ValueError):  # a stream closed from another task: its context is gone with it
        otel_context.detach(scope)


def _checked(request: Any) -> Any:
    """The request, or the stream of requests, each validated by the rules of its contract. Raises InvalidInput."""
    if isinstance(request, Message):
        _validate(request)
        return request
    return _checked_stream(request)


async def _checked_stream(requests: AsyncIterator[Message]) -> AsyncIterator[Message]:
    async for request in requests:
        _validate(request)
        yield request


def _validate(request: Message) -> None:
    violations = protovalidate.collect_violations(request)
    if violations:
        found = [FieldViolation(_path(violation.proto.field), violation.proto.message) for violation in violations]
        raise InvalidInput(f"{found[0].field}: {found[0].description}", found)


def _path(field: Any) -> str:
    """`cues[3].text` for a FieldPath."""
    parts = []
    for element in field.elements:
        subscript = element.subscript
        index = f"[{subscript.value}]" if subscript is not None else ""
        parts.append(f"{element.field_name}{index}")
    return ".".join(parts)
