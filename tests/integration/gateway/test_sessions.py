"""Browsers at the gateway: a session cookie opens what a token opens, and nothing that is forged opens anything."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
from shodhana.api.transcripts.v1 import transcripts_pb2
from shodhana.stack.gateway_config import Cluster, RateLimits
from shodhana.stack.migrations import role_of
from shodhana.stack.ports import free_port

from tests.oidc.browser import SESSION, Browser
from tests.oidc.provider import running_provider

if TYPE_CHECKING:
    from conftest import Gateway

NAMES = ("one", "two")
ROLES = {"expert": "expert_linguist", "reader": "viewer"}
DECISION = {"verdict": "VERDICT_ACCEPT", "fencingToken": "1", "requestId": str(uuid.uuid4())}
JOB = {"files": [{"filename": "a.srt", "content": ""}]}


@pytest.fixture(scope="module")
def database_url(postgres_server: Any) -> Iterator[str]:
    """Of a migrated database for both replicas."""
    name = f"test_{uuid.uuid4().hex}"
    maintenance = postgres_server.url_of("shodhana", postgres_server.password, "postgres")
    asyncio.run(execute(maintenance, f"CREATE DATABASE {name} TEMPLATE shodhana"))
    yield postgres_server.url_of(role_of("identity"), "only-for-tests", name)
    asyncio.run(execute(maintenance, f"DROP DATABASE {name} WITH (FORCE)"))


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory,
    database_url: str,
    redis_server: Any,
    start_own_gateway: Callable[..., Any],
) -> Iterator[Gateway]:
    """Envoy before two replicas of the real identity, which share Postgres, Redis and their key, and two that echo."""
    folder = tmp_path_factory.mktemp("sessions")
    # Of another range than those that the gateway allots itself.
    ports = {name: free_port() for name in ("site", *(f"{kind} {name}" for kind in ("rpc", "pages") for name in NAMES))}
    site = f"https://127.0.0.1:{ports['site']}"
    with running_provider(f"{site}/auth/callback") as provider, contextlib.ExitStack() as stack:
        environment = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_server.url,
            "JWKS_PATH": str(folder / "keys" / "jwks.json"),
            "SIGNING_KEY_PATH": str(folder / "signing_key.json"),
            "PUBLIC_URL": site,
            "FIRST_ADMIN_EMAILS": "admin@example.org",
            "DRAIN_S": "0",
            **provider.environment,
        }
        for name in NAMES:
            addresses = {
                "LISTEN_ADDRESS": f"127.0.0.1:{ports[f'rpc {name}']}",
                "AUTH_LISTEN_ADDRESS": f"127.0.0.1:{ports[f'pages {name}']}",
            }
            stack.enter_context(identity(folder / name, environment | addresses))
        wait_for((folder / "keys" / "jwks.json").exists)
        changes = {
            "jwks": folder / "keys" / "jwks.json",
            "listen": f"127.0.0.1:{ports['site']}",
            "auth": Cluster(tuple(f"127.0.0.1:{ports[f'pages {name}']}" for name in NAMES)),
            "own_clusters": {"identity": Cluster(tuple(f"127.0.0.1:{ports[f'rpc {name}']}" for name in NAMES))},
        }
        yield stack.enter_context(start_own_gateway(folder, **changes))


@contextlib.contextmanager
def identity(log: Path, environment: dict[str, str]) -> Iterator[None]:
    command = [sys.executable, "-m", "shodhana.identity"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=os.environ | environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        process.terminate()
        code = process.wait(20)
    assert code == 0, log.read_text()


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    ends_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends_at, "condition not met in time"
        time.sleep(0.02)


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with gateway.async_client() as client:
        yield client


@pytest.fixture
def new_browser(gateway: Gateway, client: httpx.AsyncClient) -> Callable[[], Browser]:
    return lambda: Browser(gateway.url, client)


@pytest.fixture
async def log_in(new_browser: Callable[[], Browser]) -> Callable[[str], Any]:
    """A browser in which `who` is logged in, who has the role that ROLES names; each write shows its token."""

    async def logged_in(who: str) -> Browser:
        browser = new_browser()
        assert (await browser.log_in(who)).status_code == 303
        browser.headers["x-csrf-token"] = (await browser.session())["csrfToken"]
        return browser

    async def log_in(who: str) -> Browser:
        admin = await logged_in("admin")  # the first of all, by configuration
        if who == "admin":
            return admin
        browser = await logged_in(who)
        if role := ROLES.get(who):
            name = (await browser.session())["user"]
            granted = await admin.post(f"/v1/{name}:grantRole", json={"role": role})
            assert granted.status_code == 200, granted.text
        return browser

    return log_in


def refused(answer: httpx.Response, status: int, reason: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.json()["details"][0]["reason"] == reason


async def echoed(browser: Browser, **options: Any) -> dict[str, Any]:
    """What a service sees of a call."""
    answer = await browser.post("/v1/embeddings:embed", json={"texts": ["a"], "model": "echo"}, **options)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = json.loads(answer.json()["modelFingerprint"])["metadata"]
    return found


async def test_a_cookie_calls_rest_without_a_token(log_in: Any) -> None:
    browser = await log_in("reader")
    who = (await browser.get("/v1/principal")).json()
    assert (who["subject"], who["displayName"], who["roles"]) == (
        (await browser.session())["user"],
        "The reader",
        ["viewer"],
    )


async def test_a_cookie_calls_grpc_web(log_in: Any) -> None:
    browser = await log_in("admin")
    request = transcripts_pb2.GetJobRequest(name="jobs/5").SerializeToString()
    frame = b"\0" + len(request).to_bytes(4, "big") + request
    headers = {"content-type": "application/grpc-web+proto", "x-grpc-web": "1"}
    path = "/shodhana.api.transcripts.v1.TranscriptService/GetJob"
    body = (await browser.post(path, content=frame, headers=headers)).content
    length = int.from_bytes(body[1:5], "big")
    assert transcripts_pb2.Job.FromString(body[5 : 5 + length]).name == "jobs/5"
    browser.cookies[SESSION] = "unknown"
    refusal = await browser.post(path, content=frame, headers=headers)
    assert refusal.headers["grpc-status"] == "16"
    assert "no such session" in refusal.headers["grpc-message"]


async def test_a_service_sees_a_token_of_minutes_and_no_cookie(log_in: Any, gateway: Gateway) -> None:
    browser = await log_in("admin")
    seen = await echoed(browser)
    payload = gateway.claims(seen["authorization"])
    assert payload["sub"] == (await browser.session())["user"]
    assert 100 < payload["exp"] - time.time() <= 300
    assert not {"cookie", "x-csrf-token"} & set(seen)


async def test_a_session_that_is_unknown_ended_or_planted_opens_nothing(log_in: Any, new_browser: Any) -> None:
    browser = await log_in("reader")
    stolen = browser.cookies[SESSION]
    assert (await browser.post("/auth/logout")).status_code == 204
    for cookie in (stolen, "made-up", ""):
        browser.cookies[SESSION] = cookie
        refused(await browser.get("/v1/principal"), 401, "SESSION_ENDED")
    refused(await new_browser().get("/v1/principal"), 401, "TOKEN_INVALID")


async def test_logging_out_everywhere_holds_at_every_replica_at_once(log_in: Any) -> None:
    one, other = await log_in("reader"), await log_in("reader")
    for browser in (one, other):
        assert (await browser.get("/v1/principal")).status_code == 200
    assert (await one.post("/auth/logout-everywhere")).status_code == 204
    for _ in range(6):
        refused(await other.get("/v1/principal"), 401, "SESSION_ENDED")


async def test_what_is_taken_from_a_user_is_gone_with_the_next_call(log_in: Any) -> None:
    reader, admin = await log_in("reader"), await log_in("admin")
    name = (await reader.session())["user"]
    assert (await reader.get("/v1/principal")).json()["roles"] == ["viewer"]
    assert (await admin.post(f"/v1/{name}:revokeRole", json={"role": "viewer"})).status_code == 200
    assert (await reader.get("/v1/principal")).json()["roles"] == []
    assert (await admin.post(f"/v1/{name}:logOut", json={})).status_code == 200
    refused(await reader.get("/v1/principal"), 401, "SESSION_ENDED")


async def test_a_viewer_decides_nothing_and_manages_nobody(log_in: Any) -> None:
    reader = await log_in("reader")
    refused(await reader.post("/v1/reviewCases/1:decide", json=DECISION), 403, "PERMISSION_MISSING")
    name = (await reader.session())["user"]
    refused(await reader.post(f"/v1/{name}:grantRole", json={"role": "admin"}), 403, "PERMISSION_MISSING")
    refused(await reader.get("/v1/users"), 403, "PERMISSION_MISSING")


async def test_an_expert_may_decide(log_in: Any) -> None:
    answer = await (await log_in("expert")).post("/v1/reviewCases/1:decide", json=DECISION)
    assert answer.status_code == 501, answer.text  # it arrived: what stands in for review here knows no cases


async def test_a_write_without_the_sessions_csrf_token_is_refused(log_in: Any) -> None:
    admin, other = await log_in("admin"), await log_in("reader")
    token = admin.headers.pop("x-csrf-token")
    for forged in ({}, {"x-csrf-token": ""}, {"x-csrf-token": other.headers["x-csrf-token"]}):
        refused(await admin.post("/v1/jobs", json=JOB, headers=forged), 403, "CSRF_TOKEN_INVALID")
    assert (await admin.get("/v1/jobs")).status_code == 200  # reading needs none
    assert (await admin.post("/v1/jobs", json=JOB, headers={"x-csrf-token": token})).status_code == 200


async def test_what_a_caller_says_of_itself_is_not_passed_on(log_in: Any) -> None:
    browser = await log_in("admin")
    forged = dict.fromkeys(("x-auth-subject", "x-user-id", "x-jwt-payload", "x-envoy-original-path"), "forged")
    assert "forged" not in str(await echoed(browser, headers=forged))


async def test_a_forged_token_beside_a_good_cookie_is_refused(log_in: Any, gateway: Gateway) -> None:
    browser = await log_in("admin")
    for token in (gateway.keys.token("embeddings:read", "users:manage"), "nonsense"):
        refused(await browser.get("/v1/users", headers={"authorization": f"Bearer {token}"}), 401, "TOKEN_INVALID")
    refused(await browser.get("/v1/users", headers={"authorization": "Basic YTpi"}), 401, "TOKEN_INVALID")


async def test_a_token_of_its_own_is_left_as_it_is(log_in: Any, new_browser: Any) -> None:
    browser, tool = await log_in("admin"), new_browser()
    token = (await echoed(browser))["authorization"]
    assert (await echoed(tool, headers={"authorization": token}))["authorization"] == token
    stranger = {"authorization": token, "cookie": f"{SESSION}=made-up"}
    assert (await echoed(tool, headers=stranger))["authorization"] == token


async def test_identity_is_asked_only_of_calls_with_a_session(log_in: Any, gateway: Gateway, new_browser: Any) -> None:
    browser = await log_in("admin")

    def asked() -> int:
        found = gateway.statistics("cluster.identity.upstream_rq_total")
        return found["cluster.identity.upstream_rq_total"]

    before = asked()
    token = (await echoed(browser))["authorization"]
    assert asked() == before + 1
    await echoed(new_browser(), headers={"authorization": token})
    await browser.get("/docs")
    await browser.session()
    assert asked() == before + 1


async def test_the_check_itself_is_nobodys_to_call(log_in: Any) -> None:
    browser = await log_in("admin")
    headers = {"content-type": "application/grpc-web+proto", "x-grpc-web": "1"}
    answer = await browser.post("/envoy.service.auth.v3.Authorization/Check", content=b"\0\0\0\0\0", headers=headers)
    assert answer.headers.get("grpc-status") != "0"
    assert answer.headers.get("grpc-status") or answer.status_code in (401, 403, 404)


def test_where_sessions_cannot_be_looked_up_a_cookie_opens_nothing_and_a_token_does(start_gateway: Any) -> None:
    """What stands in for identity here cannot answer the check."""
    with start_gateway(auth=Cluster(("127.0.0.1:1",))) as gateway:
        with gateway.client("", cookies={SESSION: "any"}) as client:
            answer = client.get("/v1/principal")
            refused(answer, 503, "DEPENDENCY_UNAVAILABLE")
            assert answer.json()["message"] == "sessions cannot be looked up"
        with gateway.client(cookies={SESSION: "any"}) as client:
            assert client.get("/v1/principal").status_code == 200


def test_log_in_attempts_are_limited_by_address(start_gateway: Any) -> None:
    limits = RateLimits(login_per_s=1, login_burst_s=3)
    nowhere = Cluster(("127.0.0.1:1",))
    with start_gateway(auth=nowhere, rate_limits=limits) as gateway, gateway.client("") as client:
        answers = [client.get(f"/auth/{page}") for page in ("login?return_to=/", "callback", "device?user_code=B") * 10]
        assert [answer.status_code for answer in answers[:3]] == [503] * 3
        limited = [answer for answer in answers if answer.status_code == 429]
        assert len(limited) >= 10
        refused(limited[0], 429, "LIMIT_EXCEEDED")
        assert client.get("/auth/session").status_code == 503  # asking who one is, is no attempt


@pytest.fixture
def tool(gateway: Gateway, tmp_path: Path) -> Callable[..., Any]:
    """Starts `shodhana auth …` as a process, of somebody who has no service account."""
    profile = {"gateway": gateway.url.removeprefix("https://"), "ca_certificate": str(gateway.parameters.certificate)}
    (tmp_path / "client.json").write_text(json.dumps(profile))
    settings = {"XDG_CONFIG_HOME": str(tmp_path), "SHODHANA_CLIENT": str(tmp_path / "client.json"), "BROWSER": "true"}

    async def start(*words: str) -> asyncio.subprocess.Process:
        pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
        command = (str(Path(sys.executable).parent / "shodhana"), *words)
        return await asyncio.create_subprocess_exec(*command, env=os.environ | settings, **pipes)

    return start


async def said(process: asyncio.subprocess.Process, pattern: str) -> str:
    """What the process says on standard error that the expression matches."""
    text = ""
    async with asyncio.timeout(60):
        while not (found := re.search(pattern, text)):
            line = await process.stderr.readline()  # type: ignore[union-attr]
            assert line, text
            text += line.decode()
    return found[0]


async def printed(process: asyncio.subprocess.Process) -> str:
    """What the process prints, which has to end well."""
    output, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, errors.decode()
    return output.decode()


async def say_yes(browser: Browser, address: str) -> httpx.Response:
    page = await browser.get(address)
    fields = {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', page.text)}
    return await browser.post(urlsplit(address).path, data=fields)


async def test_the_tool_logs_in_through_the_browser_and_out(log_in: Any, tool: Any) -> None:
    browser = await log_in("expert")
    process = await tool("auth", "login")
    answer = await say_yes(browser, await said(process, r"https://\S+"))
    assert answer.status_code == 303, answer.text
    assert (await browser.get(answer.headers["location"])).status_code == 200
    assert "as The expert (expert_linguist)" in await printed(process)
    status = json.loads(await printed(await tool("auth", "status", "--json")))
    assert (status["subject"], status["credentials"]) == ((await browser.session())["user"], "log-in")
    token = (await printed(await tool("auth", "token"))).strip()
    assert (await browser.get("/v1/principal", headers={"authorization": f"Bearer {token}"})).status_code == 200
    await printed(await tool("auth", "logout"))
    after = await tool("auth", "status")
    _, errors = await after.communicate()
    assert (after.returncode, b"nobody is logged in" in errors) == (4, True)


async def test_the_tool_logs_in_by_a_code_confirmed_elsewhere(log_in: Any, tool: Any) -> None:
    browser = await log_in("reader")
    process = await tool("auth", "login", "--device")
    address = await said(process, r"https://\S+")
    assert "logged in" in (await say_yes(browser, address)).text
    assert "as The reader (viewer)" in await printed(process)
