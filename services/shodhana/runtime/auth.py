"""Who calls: tokens verified against the JWK set."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from shodhana.errors import PermissionDenied, Unauthenticated

from . import contracts

ALGORITHMS = ["ES256"]
CLOCK_SKEW_S = 30
MAX_CACHED_TOKENS = 1000
BEARER = "Bearer "
KEYS_BROKEN = (OSError, ValueError, KeyError, TypeError, JoseError)


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
        permissions, roles = frozenset(_words(claims, "permissions")), _words(claims, "roles")
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
        except KEYS_BROKEN as error:  # the last good keys stay in use
            if self._keys is None:
                raise Unauthenticated(f"no keys to verify tokens with: {type(error).__name__}") from error
        return self._keys


def _words(claims: Mapping[str, object], name: str) -> tuple[str, ...]:
    """A claim that lists words; anything else counts as an empty list, so that it allows nothing."""
    found = claims.get(name)
    return tuple(map(str, found)) if isinstance(found, list) else ()
