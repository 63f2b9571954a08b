"""Who calls: tokens verified against the JWK set, and tokens of our own for calls to other services."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

import grpc
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from shodhana.api.identity.v1 import identity_pb2, identity_pb2_grpc
from shodhana.errors import PermissionDenied, Unauthenticated

from . import contracts

ALGORITHMS = ["ES256"]
CLOCK_SKEW_S = 30
MAX_CACHED_TOKENS = 1000
BEARER = "Bearer "


@dataclass(frozen=True, slots=True)
class Principal:
    """The verified caller of the present RPC."""

    subject: str
    permissions: frozenset[str]
    roles: tuple[str, ...] = ()
    name: str = ""


ANONYMOUS = Principal("", frozenset())
_principal: ContextVar[Principal] = ContextVar("principal", default=ANONYMOUS)


def principal() -> Principal:
    """The caller of the present RPC; ANONYMOUS in a public one."""
    return _principal.get()


class TokenVerifier:
    """Verifies access tokens with the keys in a file, read again when it changes."""

    def __init__(self, jwks_path: Path, issuer: str, audience: str) -> None:
        self._path = jwks_path
        self._claims = jwt.JWTClaimsRegistry(
            leeway=CLOCK_SKEW_S,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        self._keys: KeySet | None = None
        self._changed_at = 0
        self._verified: dict[str, tuple[float, Principal]] = {}

    def authorize(self, method: str, authorization: str | None) -> Principal:
        """The caller of `method`, who may call it. Raises Unauthenticated or PermissionDenied."""
        permission = contracts.permission_of(method)
        if permission == contracts.PUBLIC:
            return ANONYMOUS
        if permission is None:
            raise PermissionDenied(f"{method} declares no permission: nobody may call it")
        caller = self.verify(authorization)
        if permission != contracts.AUTHENTICATED and permission not in caller.permissions:
            raise PermissionDenied(
                f"{caller.subject} lacks permission {permission}", metadata={"permission": permission}
            )
        _principal.set(caller)
        return caller

    def verify(self, authorization: str | None) -> Principal:
        """The caller a header `Bearer …` speaks for. Raises Unauthenticated."""
        if not authorization or not authorization.startswith(BEARER):
            raise Unauthenticated("no token: send `authorization: Bearer …`")
        token = authorization.removeprefix(BEARER)
        keys = self._load_keys()
        expires_at, caller = self._verified.get(token, (0.0, ANONYMOUS))
        if time.time() < expires_at:
            return caller
        return self._verify_signature(token, keys)

    def _verify_signature(self, token: str, keys: KeySet) -> Principal:
        try:
            claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
            self._claims.validate(claims)
        except (JoseError, ValueError) as error:
            raise Unauthenticated(f"the token does not hold: {type(error).__name__}") from error
        permissions = frozenset(map(str, claims.get("permissions", ())))
        roles = tuple(map(str, claims.get("roles", ())))
        caller = Principal(str(claims["sub"]), permissions, roles, str(claims.get("name", "")))
        if len(self._verified) >= MAX_CACHED_TOKENS:
            self._verified.clear()
        self._verified[token] = (float(claims["exp"]), caller)
        return caller

    def _load_keys(self) -> KeySet:
        try:
            changed_at = self._path.stat().st_mtime_ns
            if self._keys is None or changed_at != self._changed_at:
                self._keys = KeySet.import_key_set(json.loads(self._path.read_text()))
                self._changed_at = changed_at
                self._verified.clear()
        except (OSError, ValueError) as error:
            if self._keys is None:
                raise Unauthenticated(f"no keys to verify tokens with: {type(error).__name__}") from error
        return self._keys


class ServiceAccountTokens:
    """Access tokens of this process's own account, renewed at two thirds of their life.

    While `identity` is down the present token serves until it ends.
    """

    def __init__(self, identity_addresses: Sequence[str], account_id: str, secret: str) -> None:
        self._targets = list(identity_addresses)
        self._request = identity_pb2.IssueTokenRequest(client_id=account_id, client_secret=secret)
        self._token = ""
        self._renew_at = 0.0
        self._expires_at = 0.0
        self._lock = asyncio.Lock()

    async def header(self) -> str:
        """`Bearer …`. Raises grpc.aio.AioRpcError where there is no token and none is to be had."""
        if time.time() >= self._renew_at:
            async with self._lock:
                if time.time() >= self._renew_at:
                    await self._renew()
        return self._token

    async def _renew(self) -> None:
        try:
            answer = await self._issue()
        except grpc.aio.AioRpcError:
            if time.time() >= self._expires_at:
                raise
            self._renew_at = time.time() + 1
            return
        now, self._expires_at = time.time(), answer.expire_time.seconds
        self._renew_at = now + (self._expires_at - now) * 2 / 3
        self._token = BEARER + answer.access_token

    async def _issue(self) -> identity_pb2.IssueTokenResponse:
        self._targets.append(self._targets.pop(0))
        target = self._targets[-1]
        async with grpc.aio.insecure_channel(target) as channel:
            stub = identity_pb2_grpc.IdentityServiceStub(channel)
            return await stub.IssueToken(self._request, timeout=5, wait_for_ready=True)
