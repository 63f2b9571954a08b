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

from .errors import DeadlineExceeded, error_of
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

    def _token_attempts(self, within_s: float) -> Attempts:
        return Attempts(self._throttle, within_s, repeatable=True, has_token=False)

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

    def token(self, within_s: float | None = None) -> str:
        """A token that holds, had within so long: another call may be asking for one. Raises ShodhanaError."""
        ends_at = time.monotonic() + _at_most(within_s)
        if not self._lock.acquire(timeout=_at_most(within_s)):
            raise _no_time_for_a_token()
        try:
            return self._token.held() or self._renewed(ends_at - time.monotonic())
        finally:
            self._lock.release()

    def _renewed(self, within_s: float) -> str:
        self._token.acquire()
        try:
            return self._token.held() or self._token.keep(self._issued(within_s))
        finally:
            self._token.release()

    def _issued(self, within_s: float) -> Any:
        attempts = self._token_attempts(within_s)
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
                    authorized = self._with_token(metadata, attempts.left_s())
                    answer = call(request, timeout=attempts.left_s(), metadata=authorized, **options)
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
                authorized = self._with_token(metadata, attempts.left_s())
                frames = call(request, timeout=attempts.left_s(), metadata=authorized, **options)
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

    def _with_token(self, metadata: Metadata, within_s: float | None) -> Metadata:
        if _has_token(metadata):
            return metadata
        return (*metadata, (AUTHORIZATION, f"Bearer {self.token(within_s)}"))


class AsynchronousCalls(_Calls):
    """Calls on one event loop."""

    def __init__(self, profile: Profile, channel: Any, deadline_s: float) -> None:
        super().__init__(profile, channel, deadline_s)
        self._lock = asyncio.Lock()

    async def token(self, within_s: float | None = None) -> str:
        """A token that holds, had within so long: another call may be asking for one. Raises ShodhanaError."""
        ends_at = time.monotonic() + _at_most(within_s)
        try:
            async with asyncio.timeout(_at_most(within_s)):
                await self._lock.acquire()
        except TimeoutError:
            raise _no_time_for_a_token() from None
        try:
            return self._token.held() or await self._renewed(ends_at - time.monotonic())
        finally:
            self._lock.release()

    async def _renewed(self, within_s: float) -> str:
        await asyncio.to_thread(self._token.acquire)
        try:
            return self._token.held() or self._token.keep(await self._issued(within_s))
        finally:
            self._token.release()

    async def _issued(self, within_s: float) -> Any:
        attempts = self._token_attempts(within_s)
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
                authorized = await self._with_token(metadata, attempts.left_s())
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
                authorized = await self._with_token(metadata, attempts.left_s())
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

    async def _with_token(self, metadata: Metadata, within_s: float | None) -> Metadata:
        if _has_token(metadata):
            return metadata
        return (*metadata, (AUTHORIZATION, f"Bearer {await self.token(within_s)}"))


def _has_token(metadata: Metadata) -> bool:
    return any(key == AUTHORIZATION for key, _ in metadata)


def _at_most(within_s: float | None) -> float:
    return TOKEN_S if within_s is None else min(TOKEN_S, within_s)


def _no_time_for_a_token() -> DeadlineExceeded:
    return DeadlineExceeded("no time left to get a token", grpc.StatusCode.DEADLINE_EXCEEDED)
