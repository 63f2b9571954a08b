"""Whoever logged in is whom the tool calls as; the log-in is renewed by one process at a time and kept private."""

from __future__ import annotations

import asyncio
import json
import socket
import stat
import threading
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urlsplit

import grpc
import pytest
from google.rpc import error_details_pb2
from shodhana.api.transcripts.v1 import transcripts_pb2 as pb
from shodhana_client import Profile, connect, connect_async
from shodhana_client.errors import Unauthenticated
from shodhana_client.logins import StoredLogin, Tokens
from shodhana_client.loopback import LoopbackLogin
from shodhana_client.profile import ProfileMissing


@pytest.fixture
def log_in(profile: Profile) -> Callable[[float], StoredLogin]:
    """Somebody logged in, whose access token lives so long yet."""

    def log_in(life_s: float = 600) -> StoredLogin:
        stored = StoredLogin(profile.gateway)
        stored.write(Tokens("access-0", time.time() + life_s, "refresh-0", time.time() + 6000))
        return stored

    return log_in


def called_with(gateway: Any) -> list[str]:
    return [metadata.get("authorization", "") for _, _, metadata, _ in gateway.calls]


def get_job(profile: Profile) -> pb.Job:
    with connect(profile) as client:
        return client.transcripts.GetJob(pb.GetJobRequest(name="jobs/1"))


def test_who_is_logged_in_calls_as_themselves(gateway: Any, profile: Profile, log_in: Any) -> None:
    log_in()
    get_job(profile)
    assert called_with(gateway) == ["Bearer access-0"]
    assert gateway.tokens == 0


def test_the_service_account_calls_where_the_log_in_is_not_to_be_used(
    gateway: Any, profile: Profile, log_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in()
    monkeypatch.setenv("SHODHANA_NO_LOGIN", "1")
    get_job(profile)
    assert called_with(gateway) == ["Bearer token-1"]


def test_a_log_in_is_renewed_and_the_next_command_goes_on_with_it(gateway: Any, profile: Profile, log_in: Any) -> None:
    stored = log_in(1)
    get_job(profile)
    get_job(profile)
    assert gateway.refreshed == ["refresh-0"]
    assert called_with(gateway) == ["Bearer access-1"] * 2
    assert stored.read().refresh_token == "refresh-1"


def test_many_at_once_renew_it_once(gateway: Any, profile: Profile, log_in: Any) -> None:
    log_in(1)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: get_job(profile), range(8)))
    assert gateway.refreshed == ["refresh-0"]


async def test_an_event_loop_renews_it_too(gateway: Any, profile: Profile, log_in: Any) -> None:
    log_in(1)
    async with connect_async(profile) as client:
        request = pb.GetJobRequest(name="jobs/1")
        await asyncio.gather(*(client.transcripts.GetJob(request) for _ in range(4)))
    assert gateway.refreshed == ["refresh-0"]
    assert called_with(gateway) == ["Bearer access-1"] * 4


def test_a_token_that_is_refused_is_renewed(gateway: Any, profile: Profile, log_in: Any) -> None:
    log_in()
    gateway.fail(grpc.StatusCode.UNAUTHENTICATED)
    get_job(profile)
    assert called_with(gateway) == ["Bearer access-0", "Bearer access-1"]


def test_a_log_in_that_has_ended_is_said_to_have(gateway: Any, profile: Profile, log_in: Any) -> None:
    stored = log_in(1)
    stored.write(Tokens("old", 0, "stolen", 0))
    with pytest.raises(Unauthenticated, match="log in again"):
        get_job(profile)


def test_nobody_at_all_is_told_what_to_do(gateway: Any, profile: Profile) -> None:
    with pytest.raises(ProfileMissing, match="shodhana auth login"):
        connect(Profile(profile.gateway, ca_certificate=profile.ca_certificate))


def test_the_log_in_is_its_owners_alone(log_in: Any) -> None:
    stored = log_in()
    assert stat.S_IMODE(stored.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(stored.path.parent.stat().st_mode) == 0o700
    assert list(stored.path.parent.iterdir()) == [stored.path]


def test_a_file_that_is_no_log_in_is_none(log_in: Any) -> None:
    stored = log_in()
    for content in ("", "{}", "[]", '{"access_token": "a"}'):
        stored.path.write_text(content)
        assert stored.read() is None


def test_a_device_logs_in_when_its_code_is_confirmed(shodhana: Any, gateway: Any, profile: Profile) -> None:
    pending = error_details_pb2.ErrorInfo(reason="LOGIN_PENDING", domain="shodhana.api")
    gateway.fail(grpc.StatusCode.FAILED_PRECONDITION, pending, times=2)
    gateway.fail(grpc.StatusCode.RESOURCE_EXHAUSTED)
    ran = shodhana("auth", "login", "--device")
    assert ran.exit_code == 0, ran.stderr
    assert "BCDF-GHJK" in ran.stderr
    assert ran.stdout == f"logged in to {profile.gateway} as Gārgī (expert_linguist)\n"
    assert gateway.names == [*["RedeemDeviceCode"] * 4, "GetPrincipal"]
    assert called_with(gateway)[-1] == "Bearer access-0"


def test_a_device_that_is_refused_says_so(shodhana: Any, gateway: Any) -> None:
    gateway.fail(grpc.StatusCode.UNAUTHENTICATED, message="the device code does not hold")
    ran = shodhana("auth", "login", "--device")
    assert (ran.exit_code, ran.stderr.splitlines()[-1]) == (1, "error: the device code does not hold")


def test_a_mesh_that_is_away_opens_no_browser_and_is_said_to_be(
    shodhana: Any, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ran = shodhana("auth", "login", "--gateway", address, "--ca", profile.ca_certificate)
    assert (ran.exit_code, opened) == (1, [])
    assert f"the mesh does not answer (ipv4:{address}" in ran.stderr
    assert "`shodhana up` starts it" in ran.stderr


def test_the_status_says_who_calls_and_how(shodhana: Any, profile: Profile, log_in: Any) -> None:
    before = json.loads(shodhana("auth", "status", "--json").stdout)
    assert (before["credentials"], before["login_expires_at"]) == ("service account", None)
    log_in()
    after = json.loads(shodhana("auth", "status", "--json").stdout)
    assert (after["credentials"], after["subject"], after["roles"]) == ("log-in", "users/1", ["expert_linguist"])
    assert after["login_expires_at"]
    assert "Gārgī" in shodhana("auth", "status").stdout


def test_logging_out_ends_it_here_and_at_the_mesh(shodhana: Any, gateway: Any, log_in: Any) -> None:
    stored = log_in()
    assert shodhana("auth", "token").stdout == "access-0\n"
    ran = shodhana("auth", "logout")
    assert ran.exit_code == 0, ran.stderr
    assert gateway.calls[0][1].refresh_token == "refresh-0"
    assert stored.read() is None
    assert shodhana("auth", "token").stdout == "token-1\n"
    assert "nobody is logged in" in shodhana("auth", "logout").stderr


def test_a_mesh_that_is_away_keeps_nobody_logged_in_here(shodhana: Any, gateway: Any, log_in: Any) -> None:
    stored = log_in()
    gateway.fail(grpc.StatusCode.UNAVAILABLE)
    assert shodhana("auth", "logout").exit_code == 1
    assert stored.read() is None


def test_the_mesh_that_was_logged_in_to_is_the_one_called_from_then_on(
    shodhana: Any, profile: Profile, configuration: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    arguments = ("--gateway", profile.gateway, "--ca", profile.ca_certificate)
    ran = shodhana("auth", "login", "--device", *arguments)
    assert ran.exit_code == 0, ran.stderr
    monkeypatch.delenv("SHODHANA_CLIENT")
    monkeypatch.chdir(tmp_path)
    assert Profile.find().gateway == profile.gateway
    assert stat.S_IMODE((configuration / "client.json").stat().st_mode) == 0o600
    assert json.loads(shodhana("auth", "status", "--json").stdout)["credentials"] == "log-in"


def get(url: str) -> int:
    """Status of an answer, without any proxy of the environment."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return int(error.code)


def test_only_the_answer_to_its_own_question_is_taken() -> None:
    with LoopbackLogin() as waiting:
        asked = parse_qs(urlsplit(waiting.address("https://gateway.example")).query)
        found: list[str] = []
        thread = threading.Thread(target=lambda: found.append(waiting.code(30)))
        thread.start()
        for path, query in (
            ("/callback", {"code": "forged", "state": "guessed"}),
            ("/callback", {"code": "forged"}),
            ("/other", {"code": "forged", "state": asked["state"][0]}),
        ):
            address = waiting.redirect_uri.replace("/callback", path)
            assert get(f"{address}?{urlencode(query)}") == 400
        right = {"code": "right", "state": asked["state"][0]}
        assert get(f"{waiting.redirect_uri}?{urlencode(right)}") == 200
        thread.join(30)
    assert found == ["right"]


def test_a_browser_that_does_not_come_is_not_waited_for_for_ever() -> None:
    with LoopbackLogin() as waiting:
        assert waiting.code(0.05) == ""
