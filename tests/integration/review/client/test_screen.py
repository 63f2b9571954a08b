"""The screen of `shodhana review`, its keys pressed by Pilot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.duration_pb2 import Duration
from shodhana.api.review.v1 import review_pb2 as pb
from shodhana_client.review.desk import Desk, Wanted
from shodhana_client.screen.application import ReviewScreen
from shodhana_client.screen.help import HelpScreen
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from tests.integration.review.calls import create

if TYPE_CHECKING:
    from shodhana_client.client import Client

    from tests.integration.review.calls import Stub


@asynccontextmanager
async def on_screen(desk: Desk) -> AsyncIterator[Pilot[Any]]:
    async with ReviewScreen(desk).run_test(size=(100, 40)) as pilot:
        await settle(pilot)
        yield pilot


async def settle(pilot: Pilot[Any]) -> None:
    """Returns when all calls are answered and shown."""
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def press(pilot: Pilot[Any], *keys: str) -> None:
    await pilot.press(*keys)
    await settle(pilot)


def shown(pilot: Pilot[Any], name: str) -> str:
    return str(pilot.app.query_one(f"#{name}", Static).content)


def field(pilot: Pilot[Any], name: str) -> Input:
    return pilot.app.query_one(f"#{name}", Input)


async def test_keys_decide_and_undo_brings_a_case_back(desk: Desk, cases: list[str], state: Any) -> None:
    async with on_screen(desk) as pilot:
        assert shown(pilot, "context") == "nobody can escape [praabda] karma"
        assert shown(pilot, "place").startswith("talk.srt, cue 7 at 0:01:01 · spiritual · due in")
        assert shown(pilot, "progress").startswith("0 wait · 2 more in hand · you: nothing yet")
        await press(pilot, "2", "a")
        assert await state(cases[0]) == ("approved", "śabda")
        assert "[nabi]" in shown(pilot, "context")
        await press(pilot, "u")
        assert await state(cases[0]) == ("in_review", "")
        assert "[praabda]" in shown(pilot, "context")
        await press(pilot, "a")
        await press(pilot, "x")
        await press(pilot, "a")
        assert "Nothing is suggested here" in shown(pilot, "message")
        await press(pilot, "e")
        assert "No case waits for you" in shown(pilot, "context")
        await press(pilot, "q")
    assert [await state(name) for name in cases] == [
        *(("approved", "prārabdha"), ("rejected", "")),
        ("expert_escalation", ""),
    ]


async def test_text_is_typed_in_velthuis_way_and_keys_are_letters_in_fields(
    desk: Desk, cases: list[str], stub: Stub
) -> None:
    async with on_screen(desk) as pilot:
        await press(pilot, "n", *"sure", "enter")
        await press(pilot, "c", *"sa.m", "backspace")
        assert field(pilot, "correction").value == "sa.m"
        await press(pilot, "backspace", "backspace", *".msaara")
        assert field(pilot, "correction").value == "saṃsāra"
        await press(pilot, "escape", "question_mark")
        assert isinstance(pilot.app.screen, HelpScreen)
        await press(pilot, "x")
        await press(pilot, "q")
        assert "Your correction is not sent" in shown(pilot, "message")
        await press(pilot, "c", "enter")
        assert field(pilot, "correction").value == ""
        await press(pilot, "u")
        assert field(pilot, "correction").value == "saṃsāra"
        await press(pilot, "c", "enter")
    decision = (await stub().GetCase(pb.GetCaseRequest(name=cases[0]))).decision
    assert (decision.decided_text, decision.comment) == ("saṃsāra", "sure")


async def test_a_lost_case_is_said_and_its_text_is_kept_as_a_draft(
    desk: Desk, cases: list[str], stub: Stub, state: Any
) -> None:
    async with on_screen(desk) as pilot:
        await hand_over(stub, desk, cases)
        await press(pilot, "c", *"prak.rti")
        pilot.app._beat()
        await settle(pilot)
        assert "no longer yours" in shown(pilot, "message")
        assert field(pilot, "correction").value == "prakṛti"
        await press(pilot, "enter")
        assert "somebody else has it; your answer is kept as a draft" in shown(pilot, "message")
        assert "No case waits" in shown(pilot, "context")
    [draft] = (await stub().ListDrafts(pb.ListDraftsRequest())).drafts
    assert draft.decided_text == "prakṛti"


async def hand_over(stub: Stub, desk: Desk, cases: list[str]) -> None:
    """Gives what a desk holds to somebody else."""
    leases = [pb.Lease(review_case=held.case.name, fencing_token=held.fence) for held in desk._held]
    await stub().HeartbeatCases(pb.HeartbeatCasesRequest(leases=leases, lease_duration=Duration(seconds=1)))
    taken: list[Any] = []
    while len(taken) < len(cases):
        taken += (await stub("users/2").ClaimCases(pb.ClaimCasesRequest(names=cases))).cases


async def test_a_lease_that_ended_is_had_again_where_the_case_still_waits(
    desk: Desk, cases: list[str], stub: Stub, state: Any
) -> None:
    async with on_screen(desk) as pilot:
        leases = [pb.Lease(review_case=held.case.name, fencing_token=held.fence) for held in desk._held]
        await stub().HeartbeatCases(pb.HeartbeatCasesRequest(leases=leases, lease_duration=Duration(seconds=1)))
        while (await state(cases[0]))[0] != "pending":
            pass
        await press(pilot, "a")
    assert await state(cases[0]) == ("approved", "prārabdha")
    assert not (await stub().ListDrafts(pb.ListDraftsRequest())).drafts


async def test_cases_that_come_later_appear_and_the_limit_is_kept(client: Client, stub: Stub) -> None:
    desk = Desk(client, Wanted(("general",), most=2))
    async with on_screen(desk) as pilot:
        assert "No case waits" in shown(pilot, "context")
        await create(stub, 3, "general")
        await create(stub, 1, "scriptural")
        pilot.app._look()
        await settle(pilot)
        assert pilot.app.query_one(OptionList).option_count == 1
        await press(pilot, "a")
        await press(pilot, "s")
        assert "The limit is reached" in shown(pilot, "context")
        assert shown(pilot, "progress").startswith("3 wait")


async def test_without_a_case_no_key_does_harm(desk: Desk) -> None:
    async with on_screen(desk) as pilot:
        for key in ("a", "x", "s", "e", "u", "1", "c", "enter"):
            await press(pilot, key)
            assert "No case waits" in shown(pilot, "context")


async def test_a_mesh_that_is_away_costs_no_text(
    desk: Desk, cases: list[str], stub: Stub, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_screen(desk) as pilot:
        whole = client.review.DecideCase
        monkeypatch.setattr(client.review, "DecideCase", lambda request, timeout: whole(request, timeout=-1))
        await press(pilot, "c", *"kaala", "enter")
        assert "What you typed is still here" in shown(pilot, "message")
        monkeypatch.setattr(client.review, "DecideCase", whole)
        await press(pilot, "enter")
    assert (await stub().GetCase(pb.GetCaseRequest(name=cases[0]))).decision.decided_text == "kāla"
    assert not (await stub().ListDrafts(pb.ListDraftsRequest())).drafts
