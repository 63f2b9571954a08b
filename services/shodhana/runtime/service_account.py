"""Tokens of this process's own account, for its calls to other services."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Awaitable, Callable

import grpc

from shodhana.api.identity.v1 import identity_pb2 as pb
from shodhana.errors import DomainError

from .auth import BEARER

ISSUE_TIMEOUT_S = 5.0
RETRY_S = 0.5  # after a failure, nobody asks again for that long
LEAST_AGE_S = 1.0  # a token refused when younger than that would be no better renewed
Issue = Callable[..., Awaitable[pb.IssueTokenResponse]]


class ServiceAccountTokens:
    """Access tokens, renewed in the background from two thirds of their life on.

    While `identity` is down the present token serves to its end. `issue` is the RPC IssueToken of a stub.
    """

    def __init__(self, issue: Issue, account_id: str, secret: str) -> None:
        self._issue = issue
        self._request = pb.IssueTokenRequest(client_id=account_id, client_secret=secret)
        self._header = ""
        self._issued_at = self._renew_at = self._expires_at = 0.0
        self._failure: grpc.aio.AioRpcError | DomainError | None = None
        self._renewal: asyncio.Task[None] | None = None

    async def header(self) -> str:
        """`Bearer …`. Raises grpc.aio.AioRpcError or DomainError where there is no token and none is to be had."""
        if time.time() >= self._renew_at and self._renewal is None:
            # In a context of its own: neither the deadline nor the trace of this caller's RPC are the renewal's.
            self._renewal = asyncio.create_task(self._renew(), context=contextvars.Context())
        if time.time() < self._expires_at:
            return self._header
        if self._renewal is not None:
            await asyncio.shield(self._renewal)
        if self._failure is not None:
            raise self._failure.with_traceback(None)
        return self._header

    def refused(self, header: str) -> None:
        """Gives up a token that a service did not take: the keys may have changed since it was issued."""
        if header == self._header and time.time() - self._issued_at >= LEAST_AGE_S:
            self._renew_at = self._expires_at = 0.0

    async def _renew(self) -> None:
        try:
            answer = await self._issue(self._request, timeout=ISSUE_TIMEOUT_S)
        except (grpc.aio.AioRpcError, DomainError) as error:
            self._failure = error
            self._renew_at = time.time() + RETRY_S
        else:
            self._issued_at, self._expires_at = time.time(), float(answer.expire_time.seconds)
            self._renew_at = self._issued_at + (self._expires_at - self._issued_at) * 2 / 3
            self._header = BEARER + answer.access_token
            self._failure = None
        finally:
            self._renewal = None
