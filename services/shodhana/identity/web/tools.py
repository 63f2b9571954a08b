"""Letting a tool act for the person who is logged in: the pages behind `shodhana auth login`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import parse_qs, quote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from shodhana.errors import InvalidInput

from ..domain.gate import check_csrf
from ..domain.sessions import SessionEnded, Sessions, Visitor
from ..domain.tool_logins import ToolLogins, check_request
from .answers import page
from .cookies import SESSION_COOKIE, read_cookie

MAX_FORM_BYTES = 8 * 1024
ASKED = ("redirect_uri", "code_challenge", "state")


@dataclass(frozen=True, slots=True)
class ToolPages:
    """Each first asks for a log-in, then for a yes; a yes comes with the session's CSRF token."""

    sessions: Sessions
    tools: ToolLogins

    async def authorize(self, request: Request) -> Response:
        """A tool on this person's machine asks (RFC 8252)."""
        asked = {name: request.query_params.get(name, "") for name in ASKED}
        check_request(asked["code_challenge"], asked["redirect_uri"])
        visitor = await self._visitor(request)
        if visitor is None:
            return to_login(request)
        who = escape(visitor.user.email)
        question = f"<p>The command-line tool <code>shodhana</code> on this computer wants to act as <b>{who}</b>.</p>"
        return page("Log in with the tool?", question + form("/auth/authorize", visitor, asked, "Allow"))

    async def authorized(self, request: Request) -> Response:
        """The person said yes: the code goes to the tool's loopback address."""
        answers = await form_of(request)
        visitor = await self._confirmed(request, answers)
        asked = {name: answers.get(name, "") for name in ASKED}
        code = await self.tools.code_for(visitor.user, asked["code_challenge"], asked["redirect_uri"])
        query = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{asked['redirect_uri']}?{query}", 303)

    async def device(self, request: Request) -> Response:
        """A device without a browser asks (RFC 8628); the person compares or types its code."""
        visitor = await self._visitor(request)
        if visitor is None:
            return to_login(request)
        user_code = request.query_params.get("user_code", "")
        if not user_code:
            return page("Log in on a device", typed_code())
        name = await self.tools.device_name(visitor.user, user_code)
        if name is None:
            return page("Unknown code", f"<p>No device shows this code now.</p>{typed_code()}", 404)
        who, where = escape(visitor.user.email), f" on <b>{escape(name)}</b>" if name else ""
        question = (
            f"<p>The tool{where} wants to act as <b>{who}</b>. Does it show this code?</p>"
            f"<p><code>{escape(user_code.upper())}</code></p><p>If somebody sent you here, say no: close the page.</p>"
        )
        return page("Log in on a device?", question + form("/auth/device", visitor, {"user_code": user_code}, "Yes"))

    async def device_confirmed(self, request: Request) -> Response:
        """The person said yes: the device's next question is answered with tokens."""
        answers = await form_of(request)
        visitor = await self._confirmed(request, answers)
        if not await self.tools.confirm_device(visitor.user, answers.get("user_code", "")):
            return page("Unknown code", f"<p>No device shows this code now.</p>{typed_code()}", 404)
        return page("Logged in", "<p>The device is logged in. You can close this page.</p>")

    async def _visitor(self, request: Request) -> Visitor | None:
        try:
            return await self.sessions.find(read_cookie(request, SESSION_COOKIE))
        except SessionEnded:
            return None

    async def _confirmed(self, request: Request, answers: Mapping[str, str]) -> Visitor:
        visitor = await self.sessions.find(read_cookie(request, SESSION_COOKIE))
        check_csrf(visitor.session, answers.get("csrf_token", ""))
        return visitor


def to_login(request: Request) -> Response:
    """To log in, and back."""
    here = f"{request.url.path}?{request.url.query}"
    return RedirectResponse(f"/auth/login?return_to={quote(here, safe='')}", 303)


def form(action: str, visitor: Visitor, values: Mapping[str, str], button: str) -> str:
    """A form of hidden values and one button."""
    hidden = {**values, "csrf_token": visitor.session.csrf_token}
    fields = "".join(f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in hidden.items())
    return f'<form method="post" action="{action}">{fields}<button>{button}</button></form>'


def typed_code() -> str:
    return (
        '<form action="/auth/device"><label for="user_code">The code that the device shows</label>'
        '<input id="user_code" name="user_code" autocomplete="off" autocapitalize="characters" required> '
        "<button>Go on</button></form>"
    )


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a posted form. Raises InvalidInput for one that is too long."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_FORM_BYTES:
            raise InvalidInput("the form is too long")
    return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
