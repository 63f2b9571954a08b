"""Two cookies: of a session, and of a log-in under way. No script reads them, no form of another site brings them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ..domain.gate import SESSION_COOKIE, cookie

LOGIN_COOKIE = "__Host-shodhana_login"


def read_cookie(request: Request, name: str) -> str:
    """Its value; empty where it is absent or there twice."""
    return cookie(request.headers.get("cookie", ""), name)


def set_cookie(response: Response, name: str, value: str, life_s: int) -> None:
    """`__Host-` makes browsers insist on Secure, the path "/" and no domain: no other host can plant one."""
    response.set_cookie(name, value, max_age=life_s, path="/", secure=True, httponly=True, samesite="lax")


def clear_cookie(response: Response, name: str) -> None:
    set_cookie(response, name, "", 0)


__all__ = ["LOGIN_COOKIE", "SESSION_COOKIE", "clear_cookie", "read_cookie", "set_cookie"]
