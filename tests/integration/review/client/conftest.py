"""The tool's part of reviewing, before a real review service over a real Postgres."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from click.testing import CliRunner
from shodhana.api.review.v1 import review_pb2 as pb
from shodhana_client import client as client_module
from shodhana_client.application import tool
from shodhana_client.client import Client, connect
from shodhana_client.logins import StoredLogin, Tokens, write_private
from shodhana_client.profile import Profile
from shodhana_client.review.desk import Desk, Wanted
from structlog.testing import capture_logs

from tests.integration.review.calls import Stub, new_id

if TYPE_CHECKING:
    from tests.integration.review.conftest import RunningReview

Tool = Callable[..., Awaitable[Any]]
CONTEXT = "nobody can escape praabda karma"


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The service logs to the standard output that the tool prints to: they share the process."""
    with capture_logs():
        yield


@pytest.fixture
def profile(running: RunningReview, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Profile:
    """A mesh of that service alone, where users/1 is logged in. It has no TLS, which is the gateway's part."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))
    monkeypatch.setattr(client_module, "encryption", lambda _: grpc.local_channel_credentials())
    found = Profile(f"127.0.0.1:{running.port}")
    log_in(found, running.token())
    write_private(tmp_path / "client.json", {"gateway": found.gateway})
    monkeypatch.setenv("SHODHANA_CLIENT", str(tmp_path / "client.json"))
    return found


def log_in(profile: Profile, token: str) -> None:
    StoredLogin(profile.gateway).write(Tokens(token, time.time() + 600, "-", time.time() + 600))


@pytest.fixture
def client(profile: Profile) -> Iterator[Client]:
    with connect(profile) as opened:
        yield opened


@pytest.fixture
def desk(client: Client) -> Desk:
    return Desk(client, Wanted())


@pytest.fixture
def shodhana(profile: Profile) -> Tool:
    """The tool, away from a terminal, while the service answers on this loop."""

    async def run(*words: object, **options: Any) -> Any:
        return await asyncio.to_thread(CliRunner().invoke, tool, [str(word) for word in words], **options)

    return run


@pytest.fixture
async def cases(stub: Stub) -> list[str]:
    """Three waiting cases: "praabda" with two suggestions, "nabi" with one, "yoga" with none."""
    first = [
        pb.Suggestion(term="prārabdha", text="prārabdha", probability=0.8, reasons=["sounds like it"]),
        pb.Suggestion(term="śabda", text="śabda", probability=0.1, devanagari="शब्द", gloss="sound"),
    ]
    new = [
        pb.NewCase(heard="praabda", context=CONTEXT, context_start=18, context_end=25, suggestions=first, boost=2),
        pb.NewCase(heard="nabi", suggestions=[pb.Suggestion(term="nābhi", text="nābhi")], boost=1),
        pb.NewCase(heard="yoga"),
    ]
    for case in new:
        case.MergeFrom(pb.NewCase(domain="spiritual", filename="talk.srt", cue=7, start_ms=61_000, reads=1))
    transcripts = stub("services/transcripts", ["service_transcripts"])
    return list((await transcripts.CreateCases(pb.CreateCasesRequest(cases=new, request_id=new_id()))).names)


@pytest.fixture
def state(stub: Stub) -> Callable[[str], Awaitable[tuple[str, str]]]:
    """State of a case and the text decided for it."""

    async def look(name: str) -> tuple[str, str]:
        case = await stub().GetCase(pb.GetCaseRequest(name=name))
        text = "" if case.decision.HasField("undo_time") else case.decision.decided_text
        return pb.CaseState.Name(case.state).removeprefix("CASE_STATE_").lower(), text

    return look
