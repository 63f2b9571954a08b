"""Logging in with a tool: its loopback address, a device code, refresh tokens, and what is refused."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import AsyncIterator
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import grpc
import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from shodhana.api.identity.v1 import identity_pb2 as pb
from shodhana.identity.domain.tool_logins import challenge_of

from tests.oidc.browser import Browser

REFUSED = (grpc.StatusCode.UNAUTHENTICATED, "LOGIN_REFUSED")
ENDED = (grpc.StatusCode.UNAUTHENTICATED, "SESSION_ENDED")
LOOPBACK = "http://127.0.0.1:40123/callback"


@pytest.fixture
async def site(start: Any) -> AsyncIterator[Any]:
    async with start() as started:
        yield started


@pytest.fixture
async def identity(site: Any) -> Any:
    return site[0]


@pytest.fixture
async def browser(site: Any) -> Browser:
    browser: Browser = site[1]()
    await browser.log_in("radha")
    return browser


def form_of(page: httpx.Response) -> tuple[str, dict[str, str]]:
    """Where a page's form goes, and its hidden values."""
    action = re.search(r'<form method="post" action="([^"]+)"', page.text)
    assert action is not None, page.text
    fields = re.findall(r'name="(\w+)" value="([^"]*)"', page.text)
    return action[1], {name: unescape(value) for name, value in fields}


def asking(verifier: str, redirect_uri: str = LOOPBACK) -> str:
    query = {"redirect_uri": redirect_uri, "code_challenge": challenge_of(verifier), "state": "of-the-tool"}
    return f"/auth/authorize?{urlencode(query)}"


async def code_for(browser: Browser, verifier: str) -> str:
    """What the tool is brought when the person says yes."""
    action, fields = form_of(await browser.get(asking(verifier)))
    answer = await browser.post(action, data=fields)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith(f"{LOOPBACK}?")
    found = parse_qs(urlsplit(answer.headers["location"]).query)
    assert found["state"] == ["of-the-tool"]
    return found["code"][0]


def redeem(identity: Any, code: str, verifier: str, redirect_uri: str = LOOPBACK) -> Any:
    request = pb.RedeemLoginCodeRequest(code=code, code_verifier=verifier, redirect_uri=redirect_uri)
    return identity.tokens.RedeemLoginCode(request, timeout=10)


def refresh(identity: Any, token: str) -> Any:
    return identity.tokens.RefreshLogin(pb.RefreshLoginRequest(refresh_token=token), timeout=10)


def subject_of(identity: Any, tokens: pb.LoginTokens) -> str:
    keys = KeySet.import_key_set(json.loads((identity.folder / "jwks.json").read_text()))
    claims = jwt.decode(tokens.access_token, keys, algorithms=["ES256"]).claims
    assert claims["exp"] == tokens.expire_time.seconds
    return str(claims["sub"])


@pytest.fixture
def verifier() -> str:
    return secrets.token_urlsafe(48)


@pytest.fixture
async def tokens(identity: Any, browser: Browser, verifier: str) -> pb.LoginTokens:
    found: pb.LoginTokens = await redeem(identity, await code_for(browser, verifier), verifier)
    return found


async def test_a_tool_acts_for_the_person_who_said_yes(identity: Any, browser: Browser, tokens: Any) -> None:
    assert subject_of(identity, tokens) == (await browser.session())["user"]
    assert tokens.login_expire_time.seconds - tokens.expire_time.seconds > 86400


async def test_who_is_not_logged_in_does_that_first_and_comes_back(site: Any, verifier: str) -> None:
    stranger = site[1]()
    answer = await stranger.get(asking(verifier))
    assert answer.status_code == 303
    back = parse_qs(urlsplit(answer.headers["location"]).query)["return_to"][0]
    assert (await stranger.log_in("radha", return_to=back)).headers["location"] == asking(verifier)


async def test_a_wrong_verifier_is_refused_and_spends_the_code(
    identity: Any, browser: Browser, verifier: str, refusal: Any
) -> None:
    code = await code_for(browser, verifier)
    assert await refusal(redeem(identity, code, "x" * 43)) == REFUSED
    assert await refusal(redeem(identity, code, verifier)) == REFUSED


async def test_a_code_for_another_address_is_refused(
    identity: Any, browser: Browser, verifier: str, refusal: Any
) -> None:
    code = await code_for(browser, verifier)
    assert await refusal(redeem(identity, code, verifier, "http://127.0.0.1:1/callback")) == REFUSED


async def test_a_replayed_code_is_refused_and_ends_what_it_was_exchanged_for(
    identity: Any, browser: Browser, verifier: str, refusal: Any
) -> None:
    code = await code_for(browser, verifier)
    tokens = await redeem(identity, code, verifier)
    assert await refusal(redeem(identity, code, verifier)) == REFUSED
    assert await refusal(refresh(identity, tokens.refresh_token)) == REFUSED


@pytest.mark.parametrize(
    "address",
    ["https://evil.example/callback", "http://127.0.0.1.evil.example:80/callback", "http://localhost:80/other"],
)
async def test_a_code_goes_to_this_machine_alone(browser: Browser, verifier: str, address: str) -> None:
    assert (await browser.get(asking(verifier, address))).status_code == 400


async def test_a_yes_that_another_site_forges_is_none(site: Any, browser: Browser, verifier: str) -> None:
    other = site[1]()
    await other.log_in("mallory")
    action, fields = form_of(await browser.get(asking(verifier)))
    for forged in ("", (await other.session())["csrfToken"]):
        answer = await browser.post(action, data={**fields, "csrf_token": forged})
        assert answer.status_code == 403
    tampered = await browser.post(action, data={**fields, "redirect_uri": "https://evil.example/callback"})
    assert tampered.status_code == 400


async def test_a_form_that_is_too_long_is_refused(browser: Browser, verifier: str) -> None:
    action, fields = form_of(await browser.get(asking(verifier)))
    answer = await browser.post(action, data={**fields, "padding": "x" * 9_000})
    assert answer.status_code == 400
    assert "too long" in answer.text
    assert (await browser.post(action, data={**fields, "padding": "x" * 1_000})).status_code == 303


async def test_tokens_are_refreshed_and_each_refresh_token_is_used_once(
    identity: Any, tokens: Any, refusal: Any
) -> None:
    second = await refresh(identity, tokens.refresh_token)
    third = await refresh(identity, second.refresh_token)
    assert len({tokens.refresh_token, second.refresh_token, third.refresh_token}) == 3
    assert third.login_expire_time == tokens.login_expire_time
    assert await refusal(refresh(identity, tokens.refresh_token)) == REFUSED  # somebody has an old one
    assert await refusal(refresh(identity, third.refresh_token)) == REFUSED  # so nobody has any more


async def test_a_refresh_whose_answer_was_lost_is_sent_again(identity: Any, tokens: Any) -> None:
    await refresh(identity, tokens.refresh_token)
    again = await refresh(identity, tokens.refresh_token)
    assert (await refresh(identity, again.refresh_token)).access_token


async def test_a_tool_that_logs_out_is_out(identity: Any, tokens: Any, refusal: Any) -> None:
    request = pb.EndLoginRequest(refresh_token=tokens.refresh_token)
    await identity.tokens.EndLogin(request, timeout=10)
    await identity.tokens.EndLogin(request, timeout=10)
    assert await refusal(refresh(identity, tokens.refresh_token)) == REFUSED


async def test_logging_out_everywhere_ends_tools_too(
    identity: Any, browser: Browser, tokens: Any, refusal: Any
) -> None:
    headers = {"x-csrf-token": (await browser.session())["csrfToken"]}
    await browser.post("/auth/logout-everywhere", headers=headers)
    assert await refusal(refresh(identity, tokens.refresh_token)) == ENDED


async def started_device(identity: Any) -> pb.StartDeviceLoginResponse:
    request = pb.StartDeviceLoginRequest(device_name="lectures-server")
    found: pb.StartDeviceLoginResponse = await identity.tokens.StartDeviceLogin(request, timeout=10)
    return found


def poll(identity: Any, device: pb.StartDeviceLoginResponse) -> Any:
    return identity.tokens.RedeemDeviceCode(pb.RedeemDeviceCodeRequest(device_code=device.device_code), timeout=10)


async def test_a_device_waits_until_its_code_is_confirmed(identity: Any, browser: Browser, refusal: Any) -> None:
    device = await started_device(identity)
    assert re.fullmatch("[B-Z]{4}-[B-Z]{4}", device.user_code)
    assert await refusal(poll(identity, device)) == (grpc.StatusCode.FAILED_PRECONDITION, "LOGIN_PENDING")
    assert await refusal(poll(identity, device)) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED")
    other = await started_device(identity)
    page = await browser.get(other.verification_uri_complete)
    assert "lectures-server" in page.text
    assert other.user_code in page.text
    action, fields = form_of(page)
    assert (await browser.post(action, data={**fields, "csrf_token": "forged"})).status_code == 403
    assert "logged in" in (await browser.post(action, data=fields)).text
    tokens = await poll(identity, other)
    assert subject_of(identity, tokens) == (await browser.session())["user"]
    assert (await refresh(identity, tokens.refresh_token)).access_token


async def test_a_device_code_holds_once(identity: Any, browser: Browser, refusal: Any, until: Any) -> None:
    device = await started_device(identity)
    action, fields = form_of(await browser.get(device.verification_uri_complete))
    await browser.post(action, data=fields)
    assert (await poll(identity, device)).access_token
    assert (await browser.post(action, data=fields)).status_code == 404

    async def is_answered() -> bool:
        return bool((await refusal(poll(identity, device)))[0] is not grpc.StatusCode.RESOURCE_EXHAUSTED)

    await until(is_answered)


async def test_codes_are_not_to_be_guessed(browser: Browser) -> None:
    statuses = [(await browser.get("/auth/device", params={"user_code": "BCDF-GHJK"})).status_code for _ in range(12)]
    assert set(statuses[:10]) == {404}
    assert statuses[10:] == [429, 429]


async def test_what_a_device_calls_itself_is_shown_as_text(identity: Any, browser: Browser) -> None:
    request = pb.StartDeviceLoginRequest(device_name="<script>alert(1)</script>")
    device = await identity.tokens.StartDeviceLogin(request, timeout=10)
    page = await browser.get(device.verification_uri_complete)
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
