"""Logging in through the browser of this machine: authorization code with PKCE to a loopback address (RFC 8252)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

WAIT_S = 300
PATH = "/callback"
PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Shodhana</title>'
    "<h1>{title}</h1><p>You can close this page and go back to the terminal.</p></html>"
)


class LoopbackLogin:
    """Listens on a free port of 127.0.0.1 for the one answer to its question. A context manager."""

    def __init__(self) -> None:
        self.verifier = secrets.token_urlsafe(48)
        self._state = secrets.token_urlsafe(16)
        self._code = ""
        self._server = _Server(("127.0.0.1", 0), self)

    @property
    def redirect_uri(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{PATH}"

    def address(self, site: str) -> str:
        """What the person opens."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        asked = {
            "redirect_uri": self.redirect_uri,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "state": self._state,
        }
        return f"{site}/auth/authorize?{urlencode(asked)}"

    def code(self, wait_s: float = WAIT_S) -> str:
        """Waits for the browser; empty where it does not come. Answers to other questions are no answers."""
        ends_at = time.monotonic() + wait_s
        while not self._code and (left_s := ends_at - time.monotonic()) > 0:
            self._server.timeout = left_s
            self._server.handle_request()
        return self._code

    def take(self, query: str) -> bool:
        """Takes an answer that comes back with the state it was sent with."""
        found = {name: values[0] for name, values in parse_qs(query).items()}
        if not hmac.compare_digest(found.get("state", "").encode(), self._state.encode()):
            return False
        self._code = found.get("code", "")
        return bool(self._code)

    def __enter__(self) -> LoopbackLogin:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.server_close()


class _Server(HTTPServer):
    def __init__(self, address: tuple[str, int], login: LoopbackLogin) -> None:
        super().__init__(address, _Handler)
        self.login = login


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 5

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        is_taken = parts.path == PATH and self.server.login.take(parts.query)
        body = PAGE.format(title="Logged in" if is_taken else "This is no answer to the tool").encode()
        self.send_response(200 if is_taken else 400)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing: the terminal is the person's."""
