"""The provider over HTTP: discovery, keys, one page of three buttons, and the token endpoint."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from html import escape
from urllib.parse import parse_qsl, unquote, urlencode

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from .grants import ALGORITHM, Grants, Refused
from .people import PEOPLE, Person

PASSED_ON = (
    *("client_id", "redirect_uri", "response_type", "scope", "state", "nonce"),
    *("code_challenge", "code_challenge_method"),
)
STYLE = (
    ":root{color-scheme:light dark}body{margin:0;font:1rem/1.6 system-ui,sans-serif}"
    "main{max-width:34rem;margin:10vh auto;padding:0 1.25rem}"
    ".notice{border:2px dashed #b45309;border-radius:.4rem;padding:.6rem 1rem}"
    "button{display:block;width:100%;text-align:left;font:inherit;margin:.6rem 0;padding:.8rem 1rem;"
    "border:1px solid #767676;border-radius:.4rem;background:transparent;color:inherit;cursor:pointer}"
    "button:hover,button:focus-visible{outline:3px solid #b45309;outline-offset:2px}"
)
HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
NOTICE = (
    "This log-in is for development on this machine alone: whoever opens it is whoever they choose. "
    "Set <code>OIDC_ISSUER</code> to log in at a real provider."
)


class Pages:
    """The endpoints."""

    def __init__(self, grants: Grants) -> None:
        self._grants = grants

    def application(self) -> Starlette:
        """Answers only to names of the loopback: no page of another site reaches it by a name of its own."""
        routes = [
            Route("/.well-known/openid-configuration", self.discovery),
            Route("/jwks", self.jwks),
            Route("/authorize", self.choose),
            Route("/authorize", self.chosen, methods=["POST"]),
            Route("/token", self.token, methods=["POST"]),
        ]
        hosts = Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
        return Starlette(routes=routes, middleware=[hosts])

    async def discovery(self, request: Request) -> Response:
        issuer = self._grants.issuer
        return JSONResponse(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{issuer}/authorize",
                "token_endpoint": f"{issuer}/token",
                "jwks_uri": f"{issuer}/jwks",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [ALGORITHM],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
                "scopes_supported": ["openid", "email", "profile"],
            }
        )

    async def jwks(self, request: Request) -> Response:
        return JSONResponse(self._grants.public_keys())

    async def choose(self, request: Request) -> Response:
        """One page, a button a person."""
        try:
            self._grants.checked(request.query_params)
        except Refused as refusal:
            return shown(f"<p>{escape(refusal.description)}.</p>", 400)
        fields = "".join(hidden(name, request.query_params.get(name, "")) for name in PASSED_ON)
        buttons = "".join(button(person) for person in PEOPLE.values())
        return shown(f'<form method="post" action="/authorize">{fields}{buttons}</form>')

    async def chosen(self, request: Request) -> Response:
        """Back to the stack, with a code."""
        answers = await form_of(request)
        try:
            asked = self._grants.checked(answers)
        except Refused as refusal:
            return shown(f"<p>{escape(refusal.description)}.</p>", 400)
        person = PEOPLE.get(answers.get("person", ""))
        if person is None:
            return shown("<p>There is nobody of that name.</p>", 400)
        code = self._grants.code_for(asked, person)
        query = urlencode({"code": code, "state": asked.state, "iss": self._grants.issuer})
        return RedirectResponse(f"{self._grants.client.redirect_uri}?{query}", 303, HEADERS)

    async def token(self, request: Request) -> Response:
        answers = await form_of(request)
        try:
            self._grants.authenticate(*credentials(request.headers.get("authorization", ""), answers))
            return JSONResponse(self._grants.redeem(answers), headers=HEADERS)
        except Refused as refusal:
            status = 401 if refusal.error == "invalid_client" else 400
            body = {"error": refusal.error, "error_description": refusal.description}
            return JSONResponse(body, status, HEADERS)


def shown(content: str, status: int = 200) -> Response:
    """The page, marked for what it is."""
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Development log-in · Shodhana</title><style>{STYLE}</style></head><body><main>"
        f'<h1>Development log-in</h1><p class="notice" role="note">{NOTICE}</p>{content}</main></body></html>'
    )
    return HTMLResponse(text, status, HEADERS)


def button(person: Person) -> str:
    words = f"<b>Log in as {person.person_id}</b><br>{person.does}"
    return f'<button name="person" value="{person.person_id}">{words}</button>'


def hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{escape(value)}">'


async def form_of(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))


def credentials(authorization: str, answers: Mapping[str, str]) -> tuple[str, str]:
    """Client id and secret, from a Basic header (RFC 6749, 2.3.1) or from the form."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return answers.get("client_id", ""), answers.get("client_secret", "")
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return unquote(client_id), unquote(secret)
