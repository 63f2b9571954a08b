"""Logging in and out, and who is logged in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from prometheus_client import Counter
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from shodhana.errors import DomainError

from ..domain.accounts import Accounts
from ..domain.gate import CSRF_HEADER, check_csrf
from ..domain.logins import LIFE_S, LogIn
from ..domain.roles import permissions_of
from ..domain.sessions import Sessions, Visitor
from ..domain.vault import new_key
from .cookies import LOGIN_COOKIE, SESSION_COOKIE, clear_cookie, read_cookie, set_cookie

LOGINS = Counter("logins_total", "Answers of the log-in provider, by what became of them.", ["outcome"])
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SessionPages:
    """The endpoints that the dashboard lives on."""

    log_in: LogIn
    sessions: Sessions
    accounts: Accounts
    cookie_life_s: int

    async def login(self, request: Request) -> Response:
        """To the provider. Several tabs may log in at once: they share the browser's secret."""
        browser = read_cookie(request, LOGIN_COOKIE) or new_key()
        url = await self.log_in.begin(browser, request.query_params.get("return_to", "/"))
        response = RedirectResponse(url, 302)
        set_cookie(response, LOGIN_COOKIE, browser, LIFE_S)
        return response

    async def callback(self, request: Request) -> Response:
        """Back from the provider: a new session, whatever session the browser showed."""
        try:
            user, return_to = await self.log_in.finish(read_cookie(request, LOGIN_COOKIE), request.query_params)
        except DomainError as error:
            LOGINS.labels(error.reason).inc()
            raise
        key, _ = await self.sessions.open(user, replaced=read_cookie(request, SESSION_COOKIE))
        LOGINS.labels("OK").inc()
        _log.info("logged_in", subject=user.subject)
        response = RedirectResponse(return_to, 303)
        set_cookie(response, SESSION_COOKIE, key, self.cookie_life_s)
        clear_cookie(response, LOGIN_COOKIE)
        return response

    async def session(self, request: Request) -> Response:
        """Who is logged in."""
        return JSONResponse(described(await self.sessions.find(read_cookie(request, SESSION_COOKIE))))

    async def logout(self, request: Request) -> Response:
        """Ends this session."""
        key = read_cookie(request, SESSION_COOKIE)
        check_csrf((await self.sessions.find(key)).session, request.headers.get(CSRF_HEADER, ""))
        await self.sessions.close(key)
        return gone()

    async def logout_everywhere(self, request: Request) -> Response:
        """Ends every session of the user, in browsers and tools."""
        visitor = await self.sessions.find(read_cookie(request, SESSION_COOKIE))
        check_csrf(visitor.session, request.headers.get(CSRF_HEADER, ""))
        await self.accounts.end_sessions(visitor.user.user_id, None)
        return gone()


def described(visitor: Visitor) -> dict[str, object]:
    """What the dashboard needs to know."""
    user, session = visitor.user, visitor.session
    return {
        "user": user.subject,
        "displayName": user.display_name or user.email,
        "email": user.email,
        "roles": list(user.roles),
        "permissions": sorted(permissions_of(user.roles)),
        "csrfToken": session.csrf_token,
        "expiresAt": datetime.fromtimestamp(int(session.expires_at), UTC).isoformat().replace("+00:00", "Z"),
    }


def gone() -> Response:
    response = Response(status_code=204)
    clear_cookie(response, SESSION_COOKIE)
    return response
