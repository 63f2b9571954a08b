"""The one server interceptor: trace, deadline, auth, validation, errors, metrics and the log line of each RPC.

One interceptor and not six: each layer of `grpc.aio` interception costs about as much as all the work done here.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import grpc
import structlog
from google.protobuf.message import Message
from google.rpc import code_pb2, status_pb2
from grpc_status import rpc_status
from opentelemetry.trace import Status, StatusCode

from shodhana.errors import Unavailable

from . import contracts, deadline, errors, metrics, pages, standby, telemetry
from .auth import TokenVerifier
from .cancellation import is_cancelling
from .validation import validate

Context = grpc.aio.ServicerContext[Any, Any]
Headers = tuple[tuple[str, str], ...]
MAX_REQUEST_ID = 128
SERVER_FAULTS = {
    code_pb2.UNKNOWN,
    code_pb2.INTERNAL,
    code_pb2.UNAVAILABLE,
    code_pb2.DEADLINE_EXCEEDED,
    code_pb2.UNIMPLEMENTED,
    code_pb2.DATA_LOSS,
}
_log = structlog.get_logger()


class ServerInterceptor(grpc.aio.ServerInterceptor):
    """Wraps every handler once and keeps it; `after_write` is called with a caller who has written."""

    def __init__(self, verifier: TokenVerifier) -> None:
        self.after_write: Callable[[str], Awaitable[None]] | None = None
        self._verifier = verifier
        self._handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        path = handler_call_details.method
        wrapped = self._handlers.get(path)
        if wrapped is None:
            handler = await continuation(handler_call_details)
            if handler is None or path.startswith(contracts.OPEN_SERVICES):
                return handler
            wrapped = self._handlers[path] = self._wrap(Method(path), handler)
        return wrapped

    def _wrap(self, method: Method, handler: grpc.RpcMethodHandler[Any, Any]) -> grpc.RpcMethodHandler[Any, Any]:
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

    def _unary(self, method: Method, behavior: Any) -> Any:
        async def respond(request: Any, context: Context) -> Any:
            call = ServerCall(method, context)
            try:
                call.authorize(self._verifier)
                standby.begin(call.subject, may_be_late=method.is_read)
                answer = await behavior(call.checked(request), context)
                if self.after_write is not None and not method.is_read:
                    await self.after_write(call.subject)
                return answer
            except BaseException as error:
                await call.fail(error)
            finally:
                call.end()

        return respond

    def _stream(self, method: Method, behavior: Any) -> Any:
        async def answer(request: Any, context: Context) -> AsyncIterator[Any]:
            call = ServerCall(method, context)
            try:
                call.authorize(self._verifier)
                standby.begin(call.subject, may_be_late=False)  # a stream tells of what has just changed
                async with contextlib.aclosing(behavior(call.checked(request), context)) as items:
                    async for item in items:
                        yield item
            except BaseException as error:
                await call.fail(error)
            finally:
                call.end()

        return answer


class Method:
    """What is the same in every call of an RPC."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.service, _, self.name = path.lstrip("/").partition("/")
        self.is_read = contracts.is_read(path)
        self.attributes = {"rpc.system": "grpc", "rpc.service": self.service, "rpc.method": self.name}
        self._durations: dict[str, Any] = {}

    def observe(self, code: str, elapsed_s: float, exemplar: dict[str, str] | None) -> None:
        """Counts a call by its status code."""
        found = self._durations.get(code)
        if found is None:
            found = self._durations[code] = metrics.RPC_DURATION.labels(self.service, self.name, code)
        found.observe(elapsed_s, exemplar)


class ServerCall:
    """One RPC, from its arrival to its log line."""

    def __init__(self, method: Method, context: Context) -> None:
        self._began = time.perf_counter()
        self._method = method
        self._context = context
        self._code: int = code_pb2.OK
        self.subject = ""
        self._peer = context.peer()  # asked for now: once the call is over, gRPC reads freed memory for it
        headers: dict[str, str] = dict(cast("Headers", context.invocation_metadata() or ()))
        self._authorization = headers.get("authorization")
        self.request_id = headers.get("x-request-id", "")[:MAX_REQUEST_ID] or str(uuid.uuid4())
        deadline.begin(context.time_remaining())
        self._span = telemetry.start_server_span(method.path[1:], headers, method.attributes)

    def authorize(self, verifier: TokenVerifier) -> None:
        """Verifies the caller and what it may do. Raises Unauthenticated or PermissionDenied."""
        self.subject = verifier.authorize(self._method.path, self._authorization).subject

    def checked(self, request: Any) -> Any:
        """The request, or the stream of requests, each validated by its contract's rules. Raises InvalidInput."""
        if isinstance(request, Message):
            validate(request)
            pages.begin(self._method.path, request)
            return request
        return _checked_stream(request)

    async def fail(self, error: BaseException) -> None:
        """Ends the RPC with the status of the error; a servicer's own abort and an end from outside pass through."""
        if isinstance(error, grpc.aio.AbortError):
            self._code = self._context.code().value[0]
            raise error
        if isinstance(error, asyncio.CancelledError) and not is_cancelling():
            # Not this call was cancelled but something it waited for; grpc.aio would leave the caller waiting.
            error = Unavailable("what the call waited for was given up", retry_after_s=errors.DEFAULT_RETRY_S)
        if not isinstance(error, Exception):
            self._code = code_pb2.DEADLINE_EXCEEDED if self._context.time_remaining() == 0 else code_pb2.CANCELLED
            raise error
        await self._context.abort_with_status(rpc_status.to_status(self._status_of(error)))

    def end(self) -> None:
        """Closes the span, counts and logs."""
        elapsed_s = time.perf_counter() - self._began
        code = code_pb2.Code.Name(self._code)
        trace_id = telemetry.trace_id_of(self._span)
        is_sampled = self._span.is_recording()
        if is_sampled:
            self._span.set_attribute("rpc.response.status_code", code)
            if self._code in SERVER_FAULTS:
                self._span.set_status(Status(StatusCode.ERROR, code))
        self._span.end()
        self._method.observe(code, elapsed_s, {"trace_id": trace_id} if is_sampled else None)
        _log.info(
            "rpc",
            method=self._method.path,
            code=code,
            ms=round(elapsed_s * 1000, 2),
            peer=self._peer,
            subject=self.subject,
            request_id=self.request_id,
            trace_id=trace_id,
        )

    def _status_of(self, error: Exception) -> status_pb2.Status:
        expected = errors.as_domain_error(error)
        if expected is None:
            _log.error("unexpected_error", method=self._method.path, request_id=self.request_id, exc_info=error)
            self._span.record_exception(error)
            status = errors.internal_status(self.request_id)
        else:
            status = errors.to_status(expected, self.request_id)
        self._code = status.code
        return status


async def _checked_stream(requests: AsyncIterator[Message]) -> AsyncIterator[Message]:
    async for request in requests:
        validate(request)
        yield request
