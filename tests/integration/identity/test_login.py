"""Logging in at a real OpenID provider, and every way in which it is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import grpc
import httpx
import pytest
import redis.asyncio
from shodhana.api.identity.v1 import identity_pb2 as pb

from tests.oidc.browser import LOGIN, SESSION, Browser
from tests.oidc.provider import RunningProvider

CALLBACK = "https://app.example/auth/callback"


@pytest.fixture
async def site(start: Any) -> AsyncIterator[Any]:
    async with start() as started:
        yield started


@pytest.fixture
def browser(site: Any) -> Browser:
    _, new_browser = site
    return new_browser()  # type: ignore[no-any-return]


async def tamper(vault: redis.asyncio.Redis, login_url: str, **changes: str) -> None:
    """Changes what identity remembers of a log-in under way."""
    (state,) = parse_qs(urlsplit(login_url).query)["state"]
    name = f"identity:login:{hashlib.sha256(state.encode()).hexdigest()}"
    record = json.loads(await vault.get(name))
    await vault.set(name, json.dumps(record | changes), keepttl=True)


def refused(answer: httpx.Response, status: int, words: str) -> None:
    assert answer.status_code == status, answer.text
    assert words in answer.text
    assert SESSION not in answer.headers.get("set-cookie", "")


async def test_whoever_the_provider_knows_is_logged_in_and_comes_back(browser: Browser) -> None:
    answer = await browser.log_in("radha", return_to="/review?case=7")
    assert (answer.status_code, answer.headers["location"]) == (303, "/review?case=7")
    who = await browser.session()
    assert (who["email"], who["displayName"], who["roles"]) == ("radha@example.org", "The radha", [])
    assert who["user"].startswith("users/")
    assert len(who["csrfToken"]) >= 43
    assert who["expiresAt"].endswith("Z")


async def test_the_cookies_are_the_hosts_own_and_no_scripts(browser: Browser) -> None:
    await browser.log_in("radha")
    sent = {text.partition("=")[0]: text for text in browser.set_cookies}
    for name in (SESSION, LOGIN):
        assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax"} <= set(sent[name].split("; ")), sent[name]
        assert "domain" not in sent[name].lower()


async def test_the_challenge_is_asked_with_and_the_secret_is_not(browser: Browser, provider: RunningProvider) -> None:
    asked = parse_qs(urlsplit(await browser.to_provider()).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert {"state", "nonce", "code_challenge"} <= set(asked)
    assert provider.client_secret not in str(asked)


async def test_the_same_person_is_the_same_user_the_next_time(site: Any) -> None:
    _, new_browser = site
    first, second = new_browser(), new_browser()
    await first.log_in("radha")
    await second.log_in("radha")
    one, two = await first.session(), await second.session()
    assert one["user"] == two["user"]
    assert one["csrfToken"] != two["csrfToken"]


async def test_a_wrong_verifier_is_refused(browser: Browser, vault: redis.asyncio.Redis) -> None:
    url = await browser.to_provider()
    await tamper(vault, url, verifier="x" * 43)
    refused(await browser.get(await browser.at_provider(url, "radha")), 401, "refused the code: invalid_grant")


async def test_the_provider_refuses_a_missing_verifier(provider: RunningProvider, browser: Browser) -> None:
    back = await browser.at_provider(await browser.to_provider(), "radha")
    (code,) = parse_qs(urlsplit(back).query)["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    async with httpx.AsyncClient(auth=(provider.client_id, provider.client_secret)) as client:
        answer = await client.post(f"{provider.issuer}/token", data=form)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


async def test_a_replayed_answer_is_refused(browser: Browser) -> None:
    back = await browser.at_provider(await browser.to_provider(), "radha")
    assert (await browser.get(back)).status_code == 303
    refused(await browser.get(back), 401, "was finished before")


async def test_a_code_used_before_is_refused_in_a_new_log_in(browser: Browser, provider: RunningProvider) -> None:
    back = await browser.at_provider(await browser.to_provider(), "radha")
    assert (await browser.get(back)).status_code == 303
    (code,) = parse_qs(urlsplit(back).query)["code"]
    (state,) = parse_qs(urlsplit(await browser.to_provider()).query)["state"]
    answer = {"code": code, "state": state, "iss": provider.issuer}
    refused(await browser.get(f"{CALLBACK}?{urlencode(answer)}"), 401, "invalid_grant")


async def test_a_wrong_nonce_is_refused(browser: Browser, vault: redis.asyncio.Redis) -> None:
    url = await browser.to_provider()
    await tamper(vault, url, nonce="another")
    refused(await browser.get(await browser.at_provider(url, "radha")), 401, "id_token does not hold")


@pytest.mark.parametrize("state", ["", "x" * 43])
async def test_a_wrong_state_is_refused(browser: Browser, state: str) -> None:
    back = await browser.at_provider(await browser.to_provider(), "radha")
    query = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()} | {"state": state}
    refused(await browser.get(f"{CALLBACK}?{urlencode(query)}"), 401, "this log-in is unknown")


async def test_an_answer_of_another_provider_is_refused(browser: Browser) -> None:
    back = await browser.at_provider(await browser.to_provider(), "radha")
    query = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()} | {
        "iss": "https://evil.example"
    }
    refused(await browser.get(f"{CALLBACK}?{urlencode(query)}"), 401, "another provider")


async def test_nobody_is_logged_in_as_somebody_elses_answer_says(site: Any) -> None:
    """Who is made to open another's link would work as that other, unseen."""
    _, new_browser = site
    attacker, victim = new_browser(), new_browser()
    back = await attacker.at_provider(await attacker.to_provider(), "mallory")
    refused(await victim.get(back), 401, "begun in another browser")
    await victim.to_provider()
    back = await attacker.at_provider(await attacker.to_provider(), "mallory")
    refused(await victim.get(back), 401, "begun in another browser")


async def test_a_session_that_was_planted_is_not_the_one_logged_in_with(site: Any) -> None:
    _, new_browser = site
    attacker, victim = new_browser(), new_browser()
    await attacker.log_in("mallory")
    victim.cookies[SESSION] = attacker.cookies[SESSION]
    await victim.log_in("radha")
    assert victim.cookies[SESSION] != attacker.cookies[SESSION]
    assert not await attacker.is_logged_in()  # what was planted ended
    victim.cookies[SESSION] = "chosen-by-somebody-else"
    await victim.log_in("radha")
    assert victim.cookies[SESSION] != "chosen-by-somebody-else"


@pytest.mark.parametrize(("who", "words"), [("unverified", "vouches for no e-mail"), ("nameless", "vouches for no")])
async def test_without_an_address_that_the_provider_vouches_for_nobody_gets_in(
    browser: Browser, who: str, words: str
) -> None:
    refused(await browser.log_in(who), 403, words)


async def test_who_declines_at_the_provider_is_told_so(browser: Browser) -> None:
    (state,) = parse_qs(urlsplit(await browser.to_provider()).query)["state"]
    refused(await browser.get(f"{CALLBACK}?error=access_denied&state={state}"), 401, "did not log you in")


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\r\nb: c"]
)
async def test_nobody_is_sent_to_another_site(browser: Browser, elsewhere: str) -> None:
    assert (await browser.log_in("radha", return_to=elsewhere)).headers["location"] == "/"


async def test_several_tabs_may_log_in_at_once(browser: Browser) -> None:
    urls = [await browser.to_provider(f"/{number}") for number in range(2)]
    cookie = browser.cookies[LOGIN]
    backs = [await browser.at_provider(url, "radha") for url in urls]
    assert (await browser.get(backs[1])).headers["location"] == "/1"
    browser.cookies.setdefault(LOGIN, cookie)  # the first answer clears it; the second tab had sent its own before
    assert (await browser.get(backs[0])).headers["location"] == "/0"


async def test_a_session_unused_ends_and_one_in_use_does_not(
    start: Any, vault: redis.asyncio.Redis, until: Any
) -> None:
    async with start(session_idle_s=6) as (_, new_browser):
        browser = new_browser()
        await browser.log_in("radha")
        key = hashlib.sha256(browser.cookies[SESSION].encode()).hexdigest()

        async def left_ms() -> int:
            return int(await vault.pttl(f"identity:session:{key}"))

        async def is_old() -> bool:
            return 0 < await left_ms() < 5000

        await until(is_old)
        assert await browser.is_logged_in()
        assert await left_ms() > 5000

        async def is_gone() -> bool:
            return await left_ms() < 0

        await until(is_gone)
        assert not await browser.is_logged_in()


async def test_a_session_in_use_ends_after_its_time(start: Any, until: Any) -> None:
    async with start(session_absolute_s=4) as (_, new_browser):
        browser = new_browser()
        await browser.log_in("radha")
        assert await browser.is_logged_in()

        async def has_ended() -> bool:
            return not await browser.is_logged_in()  # which uses it, again and again

        await until(has_ended)
        answer = await browser.get("/auth/session")
        assert answer.json()["details"][0]["reason"] == "SESSION_ENDED"


async def test_a_name_chosen_at_the_provider_steers_no_terminal(browser: Browser) -> None:
    await browser.log_in("steering")
    assert (await browser.session())["displayName"] == "[31mThe red"


async def test_logging_out_ends_this_session_alone(site: Any) -> None:
    _, new_browser = site
    one, other = new_browser(), new_browser()
    await one.log_in("radha")
    await other.log_in("radha")
    stolen = one.cookies[SESSION]
    token = (await one.session())["csrfToken"]
    assert (await one.post("/auth/logout", headers={"x-csrf-token": token})).status_code == 204
    assert SESSION not in one.cookies
    one.cookies[SESSION] = stolen
    assert not await one.is_logged_in()
    assert await other.is_logged_in()


async def test_logging_out_everywhere_ends_all_and_the_next_log_in_holds(site: Any) -> None:
    _, new_browser = site
    one, other, stranger = new_browser(), new_browser(), new_browser()
    for browser, who in ((one, "radha"), (other, "radha"), (stranger, "arjuna")):
        await browser.log_in(who)
    token = (await one.session())["csrfToken"]
    assert (await one.post("/auth/logout-everywhere", headers={"x-csrf-token": token})).status_code == 204
    assert not await other.is_logged_in()
    assert await stranger.is_logged_in()
    await one.log_in("radha")
    assert await one.is_logged_in()


@pytest.mark.parametrize("path", ["/auth/logout", "/auth/logout-everywhere"])
async def test_a_form_of_another_site_logs_nobody_out(site: Any, path: str) -> None:
    _, new_browser = site
    browser, other = new_browser(), new_browser()
    await browser.log_in("radha")
    await other.log_in("arjuna")
    for headers in ({}, {"x-csrf-token": ""}, {"x-csrf-token": (await other.session())["csrfToken"]}):
        answer = await browser.post(path, headers=headers)
        assert answer.status_code == 403
        assert answer.json()["details"][0]["reason"] == "CSRF_TOKEN_INVALID"
    assert await browser.is_logged_in()


async def test_an_administrator_bars_a_user_and_logs_them_out(site: Any) -> None:
    identity, new_browser = site
    browser, admin = new_browser(), await identity.users()
    await browser.log_in("radha")
    name = (await browser.session())["user"]
    await admin.LogOutUser(pb.LogOutUserRequest(name=name))
    assert not await browser.is_logged_in()
    await browser.log_in("radha")
    assert await browser.is_logged_in()
    await admin.UpdateUser(pb.UpdateUserRequest(user=pb.User(name=name, disabled=True)))
    assert not await browser.is_logged_in()
    refused(await browser.log_in("radha"), 403, "barred")


async def test_a_role_given_holds_at_once(site: Any) -> None:
    identity, new_browser = site
    browser, admin = new_browser(), await identity.users()
    await browser.log_in("radha")
    name = (await browser.session())["user"]
    await admin.GrantRole(pb.GrantRoleRequest(name=name, role="expert_linguist"))
    who = await browser.session()
    assert who["roles"] == ["expert_linguist"]
    assert "decisions:create" in who["permissions"]
    await admin.RevokeRole(pb.RevokeRoleRequest(name=name, role="expert_linguist"))
    assert (await browser.session())["permissions"] == []


async def test_the_first_administrator_is_named_by_configuration(start: Any) -> None:
    async with start(first_admin_emails="Radha@example.org, arjuna@example.org") as (identity, new_browser):
        other, first, late = new_browser(), new_browser(), new_browser()
        await other.log_in("mallory")
        await first.log_in("radha")
        await late.log_in("arjuna")
        assert (await other.session())["roles"] == []
        assert (await first.session())["roles"] == ["admin"]
        assert (await late.session())["roles"] == []  # there is one
        found = (await (await identity.users()).ListUsers(pb.ListUsersRequest())).users
        assert [user.email for user in found if user.HasField("last_login_time")] == [
            *("arjuna@example.org", "mallory@example.org", "radha@example.org")
        ]


async def test_who_was_added_beforehand_has_their_roles_at_the_first_log_in(site: Any) -> None:
    identity, new_browser = site
    admin, browser = await identity.users(), new_browser()
    awaited = pb.User(email="Gargi@example.org", display_name="Gārgī", roles=["expert_linguist"])
    made = await admin.CreateUser(pb.CreateUserRequest(user=awaited))
    await browser.log_in("gargi")
    who = await browser.session()
    assert (who["user"], who["displayName"], who["roles"]) == (made.name, "Gārgī", ["expert_linguist"])


async def test_a_provider_that_is_away_is_said_to_be(start: Any) -> None:
    async with start(oidc_issuer="http://127.0.0.1:1") as (_, new_browser):
        refused(await new_browser().get("/auth/login"), 503, "does not answer")


async def test_a_provider_that_calls_itself_otherwise_is_not_believed(start: Any, provider: RunningProvider) -> None:
    async with start(oidc_issuer=provider.issuer.replace("127.0.0.1", "localhost")) as (_, new_browser):
        refused(await new_browser().get("/auth/login"), 503, "calls itself")


async def test_without_a_provider_people_are_told_and_programs_go_on(start: Any) -> None:
    async with start(oidc_issuer=None) as (identity, new_browser):
        refused(await new_browser().get("/auth/login"), 503, "OIDC_ISSUER is not set")
        assert (await identity.issue()).access_token


async def test_while_redis_is_away_nobody_is_logged_out_and_programs_go_on(start: Any) -> None:
    async with start(redis_url="redis://127.0.0.1:1/0") as (identity, new_browser):
        browser = new_browser()
        browser.cookies[SESSION] = "any"
        answer = await browser.get("/auth/session")
        assert (answer.status_code, answer.json()["details"][0]["reason"]) == (503, "DEPENDENCY_UNAVAILABLE")
        refused(await browser.get("/auth/login"), 503, "a dependency is not reachable")
        assert browser.cookies[SESSION] == "any"
        assert (await identity.issue()).access_token


async def test_without_redis_programs_go_on(start: Any, refusal: Any) -> None:
    async with start(redis_url=None) as (identity, new_browser):
        assert (await new_browser().get("/auth/login")).status_code == 503
        assert (await identity.issue()).access_token
        call = identity.tokens.StartDeviceLogin(pb.StartDeviceLoginRequest(), timeout=10)
        assert await refusal(call) == (grpc.StatusCode.FAILED_PRECONDITION, "CAPABILITY_DISABLED")
