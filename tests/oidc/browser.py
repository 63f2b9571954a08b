"""As much of a browser as logging in needs: cookies of each host, redirects, forms."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

SESSION, LOGIN = "__Host-shodhana_session", "__Host-shodhana_login"
MAX_STEPS = 20


@dataclass
class Browser:
    """Calls `site` (scheme and host) through `client`, and everybody else directly.

    Without TLS in between, httpx would keep no Secure cookie: these are kept here.
    """

    site: str
    client: httpx.AsyncClient
    jars: dict[str, dict[str, str]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    set_cookies: list[str] = field(default_factory=list)
    """What the site set, as it was sent."""

    @property
    def cookies(self) -> dict[str, str]:
        """Of the site."""
        return self.jars.setdefault(urlsplit(self.site).netloc, {})

    async def get(self, url: str, **options: Any) -> httpx.Response:
        return await self.request("GET", url, **options)

    async def post(self, url: str, **options: Any) -> httpx.Response:
        return await self.request("POST", url, **options)

    async def request(self, verb: str, url: str, **options: Any) -> httpx.Response:
        """One request, without following where it leads."""
        url = urljoin(self.site, url)
        host = urlsplit(url).netloc
        jar = self.jars.setdefault(host, {})
        is_site = url.startswith(self.site)
        headers = {**(self.headers if is_site else {}), **options.pop("headers", {})}
        if jar:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        target = url.removeprefix(self.site) if is_site else url
        answer = await self.client.request(verb, target, headers=headers, **options)
        for text in answer.headers.get_list("set-cookie"):
            self.set_cookies += [text] if is_site else []
            keep(jar, text)
        self.client.cookies.clear()
        return answer

    async def to_provider(self, return_to: str = "/") -> str:
        """Begins a log-in; the provider's address."""
        answer = await self.get("/auth/login", params={"return_to": return_to})
        assert answer.status_code == 302, answer.text
        return str(answer.headers["location"])

    async def at_provider(self, url: str, who: str) -> str:
        """Logs in there and agrees; the address that leads back, not yet gone to."""
        for _ in range(MAX_STEPS):
            if url.startswith(self.site):
                return url
            answer = await self.get(url)
            if form := re.search(r'<form[^>]*action="([^"]+)"', answer.text):
                prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
                assert prompt is not None, answer.text
                said = {"prompt": prompt[1], "login": who, "password": "any"}
                answer = await self.post(urljoin(url, form[1]), data=said)
            assert answer.is_redirect, answer.text
            url = urljoin(url, answer.headers["location"])
        raise AssertionError("no end of redirects")

    async def log_in(self, who: str, return_to: str = "/") -> httpx.Response:
        """The whole way; the answer of the callback."""
        return await self.get(await self.at_provider(await self.to_provider(return_to), who))

    async def session(self) -> dict[str, Any]:
        """Who is logged in."""
        answer = await self.get("/auth/session")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def is_logged_in(self) -> bool:
        return (await self.get("/auth/session")).status_code == 200


def keep(jar: dict[str, str], text: str) -> None:
    """Notes a cookie, or that it is no more."""
    for name, morsel in SimpleCookie(text).items():
        if morsel["max-age"] == "0" or "1970" in morsel["expires"]:
            jar.pop(name, None)
        else:
            jar[name] = morsel.value
