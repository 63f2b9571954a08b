"""The routes, and the server that answers them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .answers import SECURITY, json_endpoint, page_endpoint
from .sessions import SessionPages
from .tools import ToolPages

STYLE = Path(__file__).parent / "style.css"
MAX_CONCURRENT = 200


def application(sessions: SessionPages, tools: ToolPages) -> ASGIApp:
    """Everything under /auth/."""
    pages = (
        ("GET", "login", sessions.login),
        ("GET", "callback", sessions.callback),
        ("GET", "authorize", tools.authorize),
        ("POST", "authorize", tools.authorized),
        ("GET", "device", tools.device),
        ("POST", "device", tools.device_confirmed),
    )
    programs = (
        ("GET", "session", sessions.session),
        ("POST", "logout", sessions.logout),
        ("POST", "logout-everywhere", sessions.logout_everywhere),
    )
    routes = [Route(f"/auth/{name}", page_endpoint(found), methods=[verb]) for verb, name, found in pages]
    routes += [Route(f"/auth/{name}", json_endpoint(found), methods=[verb]) for verb, name, found in programs]
    routes += [Route("/auth/style.css", style), Route("/auth/health", health)]
    return Secured(Starlette(routes=routes))


async def style(request: Request) -> Response:
    return FileResponse(STYLE, media_type="text/css")


async def health(request: Request) -> Response:
    return PlainTextResponse("ok")


class Secured:
    """Adds SECURITY to every answer."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SECURITY)
            await send(message)

        await self._inner(scope, receive, sent)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The process has one place for signals: its Application."""
        yield


@asynccontextmanager
async def serving(application: ASGIApp, address: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serves at `host:port` on the running loop; gives the port."""
    host, _, port = address.rpartition(":")
    config = uvicorn.Config(
        application,
        host=host,
        port=int(port),
        log_config=None,
        access_log=False,
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MAX_CONCURRENT,
        timeout_graceful_shutdown=5,
        http="h11",
        ws="none",
        ssl_context_factory=None if tls is None else lambda *_: tls,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(), name="pages")
    try:
        while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        if serving.done():
            serving.result()
            raise OSError(f"the pages cannot be served at {address}")
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving
