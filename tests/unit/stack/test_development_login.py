"""The development log-in refuses what a real provider refuses, and shows what it is."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import KeySet
from shodhana.stack.provider.grants import CODE_S, Client, Grants
from shodhana.stack.provider.pages import Pages
from shodhana.stack.provider.people import PEOPLE

ISSUER = "http://127.0.0.1:9000"
CALLBACK = "https://localhost:8443/auth/callback"
VERIFIER = "v" * 43
ASKED = {
    "client_id": "shodhana-local",
    "redirect_uri": CALLBACK,
    "response_type": "code",
    "scope": "openid email",
    "state": "a-state",
    "nonce": "a-nonce",
    "code_challenge": create_s256_code_challenge(VERIFIER),
    "code_challenge_method": "S256",
}


class Clock:
    """Stands still until it is told."""

    now_s = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def provider(clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    grants = Grants(ISSUER, Client("shodhana-local", "secret", CALLBACK), clock)
    transport = httpx.ASGITransport(Pages(grants).application())
    async with httpx.AsyncClient(transport=transport, base_url=ISSUER) as client:
        yield client


async def code_for(provider: httpx.AsyncClient, person: str = "expert") -> str:
    """Two clicks: the page, and a button."""
    page = await provider.get(f"/authorize?{urlencode(ASKED)}")
    fields = {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', page.text)}
    answer = await provider.post("/authorize", data={**fields, "person": person})
    assert answer.status_code == 303, answer.text
    back = parse_qs(urlsplit(answer.headers["location"]).query)
    assert (back["state"], back["iss"]) == (["a-state"], [ISSUER])
    return back["code"][0]


async def redeem(
    provider: httpx.AsyncClient, code: str, secret: str = "secret", **changes: str | None
) -> httpx.Response:
    form: Mapping[str, str | None] = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        **changes,
    }
    data = {name: value for name, value in form.items() if value is not None}
    return await provider.post("/token", data=data, auth=("shodhana-local", secret))


@pytest.mark.parametrize("person", list(PEOPLE))
async def test_each_button_logs_in_as_one_person(provider: httpx.AsyncClient, clock: Clock, person: str) -> None:
    answer = await redeem(provider, await code_for(provider, person))
    keys = KeySet.import_key_set((await provider.get("/jwks")).json())
    claims = jwt.decode(answer.json()["id_token"], keys, algorithms=["ES256"]).claims
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (ISSUER, "shodhana-local", "a-nonce")
    assert (claims["sub"], claims["shodhana_roles"]) == (person, list(PEOPLE[person].roles))
    assert clock.now_s < claims["exp"] <= clock.now_s + 600


async def test_the_page_says_that_it_is_no_real_log_in(provider: httpx.AsyncClient) -> None:
    page = (await provider.get("/authorize", params=ASKED)).text
    assert "for development on this machine alone" in page
    assert re.findall(r'<button name="person" value="(\w+)"', page) == ["expert", "admin", "viewer"]


@pytest.mark.parametrize("verifier", ["w" * 43, "", None])
async def test_a_wrong_or_missing_verifier_is_refused_and_spends_the_code(
    provider: httpx.AsyncClient, verifier: str | None
) -> None:
    code = await code_for(provider)
    answer = await redeem(provider, code, code_verifier=verifier)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert (await redeem(provider, code)).json()["error"] == "invalid_grant"


async def test_a_replayed_code_is_refused(provider: httpx.AsyncClient) -> None:
    code = await code_for(provider)
    assert (await redeem(provider, code)).status_code == 200
    assert (await redeem(provider, code)).json()["error"] == "invalid_grant"


async def test_an_old_code_is_refused(provider: httpx.AsyncClient, clock: Clock) -> None:
    code = await code_for(provider)
    clock.now_s += CODE_S
    assert (await redeem(provider, code)).json()["error"] == "invalid_grant"


async def test_another_client_is_refused(provider: httpx.AsyncClient) -> None:
    code = await code_for(provider)
    answer = await redeem(provider, code, secret="wrong")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert (await redeem(provider, code, redirect_uri="https://evil.example")).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("redirect_uri", "https://evil.example/auth/callback"),
        ("client_id", "another"),
        ("response_type", "token"),
        ("scope", "email"),
        ("code_challenge", ""),
        ("code_challenge_method", "plain"),
    ],
)
async def test_a_request_that_cannot_be_answered_safely_gets_no_buttons(
    provider: httpx.AsyncClient, name: str, value: str
) -> None:
    for call in (
        provider.get("/authorize", params={**ASKED, name: value}),
        provider.post("/authorize", data={**ASKED, name: value, "person": "admin"}),
    ):
        answer = await call
        assert answer.status_code == 400
        assert "<button" not in answer.text


async def test_it_answers_to_no_name_of_another_site(provider: httpx.AsyncClient) -> None:
    answer = await provider.get("/authorize", params=ASKED, headers={"host": "evil.example"})
    assert answer.status_code == 400
