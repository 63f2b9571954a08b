"""Calls that carry a token, keep a deadline, are sent again where that is safe, and fail in typed errors."""

from __future__ import annotations

import asyncio
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import grpc
from shodhana.api.identity.v1 import identity_pb2_grpc

from .errors import error_of
from .profile import Profile
from .retries import Attempts, Throttle, is_repeatable
from .tokens import access_token

TOKEN_S = 10.0
AUTHORIZATION = "authorization"
Metadata = tuple[tuple[str, str | bytes], ...]


class _Calls(ABC):
    """What synchronous and asynchronous calls share."""

    def __init__(self, profile: Profile, channel: Any, deadline_s: float) -> None:
        self._token = access_token(profile)
        self._issue = getattr(identity_pb2_grpc.IdentityServiceStub(channel), self._token.call)
        self._throttle = Throttle()
        self._deadline_s = deadline_s

    def wrap(self, call: Any, method: Any) -> Any:
        """A stub's callable, as one of these calls."""
        return self._stream(call, method) if method.server_streaming else self._unary(call, method)

    def _attempts(self, timeout_s: float | None, method: Any, request: Any) -> Attempts:
        repeatable = not method.client_streaming and is_repeatable(method, request)
        return Attempts(self._throttle, timeout_s, repeatable=repeatable, has_token=True)

    def _token_attempts(self) -> Attempts:
        return Attempts(self._throttle, TOKEN_S, repeatable=True, has_token=False)

    def _pause_s(self, error: grpc.RpcError, attempts: Attempts) -> float:
        if error.code() is grpc.StatusCode.UNAUTHENTICATED:
            self._token.forget()
        return attempts.pause_s(error)

    @abstractmethod
    def _unary(self, call: Any, method: Any) -> Callable[..., Any]:
        """The callable of a method with one answer."""

    @abstractmethod
    def _stream(self, call: Any, method: Any) -> Callable[..., Any]:
        """The callable of a method with a stream of answers."""


class SynchronousCalls(_Calls):
    """Calls from any thread."""

    def __init__(self, profile: Profile, channel: Any, deadline_s: float) -> None:
        super().__init__(profile, channel, deadline_s)
        self._lock = threading.Lock()

    def token(self) -> str:
        """A token that holds. Raises ShodhanaError."""
        with self._lock:
            return self._token.held() or self._renewed()

    def _renewed(self) -> str:
        self._token.acquire()
        try:
            return self._token.held() or self._token.keep(self._issued())
        finally:
            self._token.release()

    def _issued(self) -> Any:
        attempts = self._token_attempts()
        while True:
            try:
                return self._issue(self._token.request, timeout=attempts.left_s())
            except grpc.RpcError as error:
                time.sleep(attempts.pause_s(error))

    def _unary(self, call: Any, method: Any) -> Callable[..., Any]:
        def send(
            request: Any, timeout: float | None = self._deadline_s, metadata: Metadata = (), **options: Any
        ) -> Any:
            attempts = self._attempts(timeout, method, request)
            while True:
                try:
                    answer = call(request, timeout=attempts.left_s(), metadata=self._with_token(metadata), **options)
                except grpc.RpcError as error:
                    time.sleep(self._pause_s(error, attempts))
                else:
                    attempts.succeeded()
                    return answer

        return send

    def _stream(self, call: Any, method: Any) -> Callable[..., Any]:
        def send(request: Any, timeout: float | None = None, metadata: Metadata = (), **options: Any) -> Iterator[Any]:
            attempts, has_begun = self._attempts(timeout, method, request), False
            while True:
                frames = call(request, timeout=attempts.left_s(), metadata=self._with_token(metadata), **options)
                try:
                    for frame in frames:
                        has_begun = True
                        yield frame
                except grpc.RpcError as error:
                    if has_begun:
                        raise error_of(error) from error
                    time.sleep(self._pause_s(error, attempts))
                else:
                    return
                finally:
                    frames.cancel()  # a reader that leaves early ends the call

        return send

    def _with_token(self, metadata: Metadata) -> Metadata:
        return metadata if _has_token(metadata) else (*metadata, (AUTHORIZATION, f"Bearer {self.token()}"))


class AsynchronousCalls(_Calls):
    """Calls on one event loop."""

    def __init__(self, profile: Profile, channel: Any, deadline_s: float) -> None:
        super().__init__(profile, channel, deadline_s)
        self._lock = asyncio.Lock()

    async def token(self) -> str:
        """A token that holds. Raises ShodhanaError."""
        async with self._lock:
            return self._token.held() or await self._renewed()

    async def _renewed(self) -> str:
        await asyncio.to_thread(self._token.acquire)
        try:
            return self._token.held() or self._token.keep(await self._issued())
        finally:
            self._token.release()

    async def _issued(self) -> Any:
        attempts = self._token_attempts()
        while True:
            try:
                return await self._issue(self._token.request, timeout=attempts.left_s())
            except grpc.RpcError as error:
                await asyncio.sleep(attempts.pause_s(error))

    def _unary(self, call: Any, method: Any) -> Callable[..., Any]:
        async def send(
            request: Any, timeout: float | None = self._deadline_s, metadata: Metadata = (), **options: Any
        ) -> Any:
            attempts = self._attempts(timeout, method, request)
            while True:
                authorized = await self._with_token(metadata)
                try:
                    answer = await call(request, timeout=attempts.left_s(), metadata=authorized, **options)
                except grpc.RpcError as error:
                    await asyncio.sleep(self._pause_s(error, attempts))
                else:
                    attempts.succeeded()
                    return answer

        return send

    def _stream(self, call: Any, method: Any) -> Callable[..., Any]:
        async def send(
            request: Any, timeout: float | None = None, metadata: Metadata = (), **options: Any
        ) -> AsyncIterator[Any]:
            attempts, has_begun = self._attempts(timeout, method, request), False
            while True:
                authorized = await self._with_token(metadata)
                frames = call(request, timeout=attempts.left_s(), metadata=authorized, **options)
                try:
                    async for frame in frames:
                        has_begun = True
                        yield frame
                except grpc.RpcError as error:
                    if has_begun:
                        raise error_of(error) from error
                    await asyncio.sleep(self._pause_s(error, attempts))
                else:
                    return
                finally:
                    frames.cancel()  # abandoned calls are not cancelled by themselves

        return send

    async def _with_token(self, metadata: Metadata) -> Metadata:
        return metadata if _has_token(metadata) else (*metadata, (AUTHORIZATION, f"Bearer {await self.token()}"))


def _has_token(metadata: Metadata) -> bool:
    return any(key == AUTHORIZATION for key, _ in metadata)
