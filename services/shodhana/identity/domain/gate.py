"""What the gateway asks of each call that comes with a session: who is it, and was it meant."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .sessions import CsrfTokenInvalid, Session, Sessions, Visitor
from .tokens import AccessToken, TokenIssuer

SESSION_COOKIE = "__Host-shodhana_session"
CSRF_HEADER = "x-csrf-token"
MAX_KEPT = 1000
LEAST_LEFT_S = 120
"""A call may last longer than the second in which the gateway verifies its token, a stream much longer."""


@dataclass(frozen=True, slots=True)
class _Kept:
    visitor: Visitor
    token: AccessToken


class Gate:
    """Turns a session into a short token for the services behind the gateway."""

    def __init__(self, sessions: Sessions, issuer: TokenIssuer, clock: Callable[[], float] = time.time) -> None:
        self._sessions = sessions
        self._issuer = issuer
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    async def token(self, headers: Mapping[str, str], is_write: bool) -> AccessToken:
        """The token of the session in the cookie. Raises SessionEnded, or CsrfTokenInvalid for a write."""
        key = cookie(headers.get("cookie", ""), SESSION_COOKIE)
        visitor = await self._sessions.find(key)
        if is_write:
            check_csrf(visitor.session, headers.get(CSRF_HEADER, ""))
        kept = self._kept.get(key)
        if kept and kept.visitor == visitor and kept.token.expires_at - self._clock() > LEAST_LEFT_S:
            return kept.token
        token = self._issuer.token_for_user(visitor.user)
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        self._kept[key] = _Kept(visitor, token)
        return token


def check_csrf(session: Session, shown: str) -> None:
    """Raises CsrfTokenInvalid."""
    if not hmac.compare_digest(session.csrf_token.encode(), shown.encode()):
        raise CsrfTokenInvalid(f"a write needs {CSRF_HEADER} with the token of its session (GET /auth/session)")


def cookie(header: str, name: str) -> str:
    """The value of a cookie in a `cookie` header; empty where it is absent or there twice."""
    pairs = (part.strip().partition("=") for part in header.split(";"))
    found = [value for known, _, value in pairs if known == name]
    return found[0] if len(found) == 1 else ""
