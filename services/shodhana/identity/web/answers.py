"""Answers: JSON for programs, small pages for people, errors as either."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from html import escape

import structlog
from google.protobuf.json_format import MessageToDict
from google.rpc import code_pb2
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from shodhana.errors import DomainError
from shodhana.runtime import errors

Endpoint = Callable[[Request], Awaitable[Response]]
SECURITY = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; form-action 'self' http://127.0.0.1:* http://[::1]:*; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
STATUSES: dict[int, int] = {
    code_pb2.INVALID_ARGUMENT: 400,
    code_pb2.UNAUTHENTICATED: 401,
    code_pb2.PERMISSION_DENIED: 403,
    code_pb2.NOT_FOUND: 404,
    code_pb2.RESOURCE_EXHAUSTED: 429,
    code_pb2.FAILED_PRECONDITION: 503,
    code_pb2.UNAVAILABLE: 503,
}
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Shodhana</title>
<link rel="stylesheet" href="/auth/style.css">
</head>
<body>
<main>
<h1>{title}</h1>
{content}
</main>
</body>
</html>
"""
_log = structlog.get_logger()


def page(title: str, content: str, status: int = 200) -> HTMLResponse:
    """A page; `content` is HTML in which what others wrote was escaped."""
    return HTMLResponse(PAGE.format(title=escape(title), content=content), status)


def json_endpoint(endpoint: Endpoint) -> Endpoint:
    """Errors become google.rpc.Status in JSON, as the gateway's own are."""

    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Exception as error:
            request_id = request.headers.get("x-request-id", "")
            known = _known(error, request)
            status = errors.to_status(known, request_id) if known else errors.internal_status(request_id)
            return JSONResponse(MessageToDict(status), STATUSES.get(status.code, 500))

    return answered


def page_endpoint(endpoint: Endpoint) -> Endpoint:
    """Errors become a page that says what to do."""

    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Exception as error:
            known = _known(error, request)
            status = STATUSES.get(errors.code_of(known), 500) if known else 500
            said = known.message if known else "Something unexpected went wrong"
            again = '<p><a class="button" href="/auth/login">Log in again</a></p>'
            return page("That did not work", f'<p role="alert">{escape(said)}.</p>{again}', status)

    return answered


def _known(error: Exception, request: Request) -> DomainError | None:
    known = errors.as_domain_error(error)
    if known is None:
        _log.error("unexpected_error", path=request.url.path, exc_info=error)
    else:
        _log.info("refused", path=request.url.path, reason=known.reason, said=known.message)
    return known
