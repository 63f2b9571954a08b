"""The whole service over gRPC, with real tokens and a real Postgres."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from shodhana.api.review.v1 import review_pb2 as pb
from shodhana.runtime.pages import encode_page_token

from tests.integration.review.calls import Stub, accept, claim, create, new_id, refusal


async def test_each_call_needs_its_permission(stub: Stub) -> None:
    [name] = await create(stub, 1)
    name_and_fence = {"name": name, "fencing_token": 1, "request_id": new_id()}
    case = pb.NewCase(domain="general", heard="x")
    calls = {
        "CreateCases": (pb.CreateCasesRequest(cases=[case], request_id=new_id()), "reviews:create"),
        "GetCase": (pb.GetCaseRequest(name=name), "reviews:read"),
        "ListCases": (pb.ListCasesRequest(), "reviews:read"),
        "ClaimCases": (pb.ClaimCasesRequest(), "reviews:write"),
        "HeartbeatCases": (
            pb.HeartbeatCasesRequest(leases=[pb.Lease(review_case=name, fencing_token=1)]),
            "reviews:write",
        ),
        "DecideCase": (pb.DecideCaseRequest(**name_and_fence, verdict=pb.VERDICT_REJECT), "decisions:create"),
        "UndoDecision": (pb.UndoDecisionRequest(name=name, request_id=new_id()), "decisions:create"),
        "SkipCase": (pb.SkipCaseRequest(**name_and_fence), "reviews:write"),
        "EscalateCase": (pb.EscalateCaseRequest(**name_and_fence), "reviews:write"),
        "GetStatistics": (pb.GetStatisticsRequest(), "reviews:read"),
    }
    every = {permission for _, permission in calls.values()}
    for method, (request, permission) in calls.items():
        without = stub(permissions=sorted(every - {permission}))
        assert await refusal(getattr(without, method)(request)) == (
            *(grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING"),
            {"permission": permission},
        )
    watch = stub(permissions=sorted(every - {"reviews:read"})).WatchCases(pb.WatchCasesRequest())
    assert (await refusal(watch.read()))[0] == grpc.StatusCode.PERMISSION_DENIED
    assert (await stub().GetCase(pb.GetCaseRequest(name=name))).state == pb.CASE_STATE_PENDING


async def test_a_case_is_claimed_decided_replayed_and_undone(stub: Stub) -> None:
    await create(stub, 1)
    reviewer = stub()
    held = await claim(reviewer)
    sent = accept(held)
    decided = await reviewer.DecideCase(sent)
    assert decided.review_case.state == pb.CASE_STATE_APPROVED
    assert decided.review_case.decision.decided_text == "bhakti"
    assert await reviewer.DecideCase(sent) == decided
    changed = accept(held, sent.request_id, comment="other")
    assert (await refusal(reviewer.DecideCase(changed)))[1] == "REQUEST_ID_REUSED"
    undo = pb.UndoDecisionRequest(name=held.review_case.name, request_id=new_id())
    undone = await reviewer.UndoDecision(undo)
    assert undone.state == pb.CASE_STATE_PENDING
    await claim(stub("users/2"))
    assert await reviewer.UndoDecision(undo) == undone


@pytest.mark.parametrize("text", ["bha\u200bkti", "bhakti\n\n2", "\u202ebhakti"])
async def test_a_text_that_no_transcript_may_hold_is_refused_and_the_case_stays(stub: Stub, text: str) -> None:
    await create(stub, 1)
    held = await claim(stub())
    sent = pb.DecideCaseRequest(
        name=held.review_case.name,
        fencing_token=held.lease.fencing_token,
        request_id=new_id(),
        verdict=pb.VERDICT_CORRECT,
        decided_text=text,
    )
    assert (await refusal(stub().DecideCase(sent)))[0] == grpc.StatusCode.INVALID_ARGUMENT
    sent.decided_text = "bhakti\nyoga"
    assert (await stub().DecideCase(sent)).review_case.decision.decided_text == "bhakti\nyoga"


async def test_a_lost_lease_and_an_undo_that_comes_late_say_so(stub: Stub) -> None:
    await create(stub, 1)
    reviewer, other = stub(), stub("users/2")
    held = await claim(reviewer)
    name, fence = held.review_case.name, held.lease.fencing_token
    await reviewer.SkipCase(pb.SkipCaseRequest(name=name, fencing_token=fence, request_id=new_id()))
    await claim(other)
    undo = pb.UndoDecisionRequest(name=name, request_id=new_id())
    assert await refusal(reviewer.UndoDecision(undo)) == (grpc.StatusCode.FAILED_PRECONDITION, "CASE_STATE", {})
    code, reason, metadata = await refusal(reviewer.DecideCase(accept(held)))
    assert (code, reason) == (grpc.StatusCode.FAILED_PRECONDITION, "LEASE_LOST")
    assert metadata == {"state": "in_review"}


async def test_escalated_cases_are_for_those_who_may_assign(stub: Stub) -> None:
    await create(stub, 1)
    held = await claim(stub())
    name, fence = held.review_case.name, held.lease.fencing_token
    await stub().EscalateCase(pb.EscalateCaseRequest(name=name, fencing_token=fence, request_id=new_id()))
    junior = stub(permissions=["reviews:write"])
    assert not (await junior.ClaimCases(pb.ClaimCasesRequest())).cases
    assert await refusal(junior.ClaimCases(pb.ClaimCasesRequest(include_escalated=True))) == (
        *(grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING"),
        {"permission": "cases:assign"},
    )
    senior = stub("users/2")
    held = await claim(senior, include_escalated=True)
    assert held.review_case.name == name
    assert (await senior.DecideCase(accept(held))).review_case.state == pb.CASE_STATE_APPROVED


async def test_pages_hold_each_case_once(stub: Stub) -> None:
    names = await create(stub, 25)
    seen, token, pages = [], "", 0
    while pages == 0 or token:
        page = await stub().ListCases(pb.ListCasesRequest(page_size=10, page_token=token))
        seen += [case.name for case in page.cases]
        token, pages = page.next_page_token, pages + 1
    assert (seen, pages) == (names, 3)


async def test_a_page_token_of_another_list_is_refused(stub: Stub) -> None:
    await create(stub, 3)
    page = await stub().ListCases(pb.ListCasesRequest(page_size=1))
    foreign = [
        pb.ListCasesRequest(page_token=encode_page_token({"after": "jobs/7"})),
        pb.ListCasesRequest(page_token=encode_page_token({})),
        pb.ListCasesRequest(page_token=encode_page_token({"rank": "yesterday", "id": []})),
        pb.ListCasesRequest(page_token="!"),
        pb.ListCasesRequest(page_token=page.next_page_token, domains=["general"]),
        pb.ListCasesRequest(page_token=page.next_page_token, filename="b.srt"),
    ]
    for request in foreign:
        code, reason, _ = await refusal(stub().ListCases(request))
        assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")


async def test_a_batch_repeated_with_other_cases_is_refused(stub: Stub) -> None:
    request_id = new_id()
    names = await create(stub, 2, request_id=request_id)
    assert await create(stub, 2, request_id=request_id) == names
    reason = await refusal(create(stub, 3, request_id=request_id))
    assert reason[:2] == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")


async def test_a_watch_sees_each_change_of_its_domains(stub: Stub) -> None:
    watch = stub().WatchCases(pb.WatchCasesRequest(domains=["spiritual"]))
    async with asyncio.timeout(60):
        first = await watch.read()
        assert first.counts == pb.QueueCounts()
        await create(stub, 1, "general")
        [name] = await create(stub, 1)
        assert await until(watch, name, pb.CASE_STATE_PENDING)
        held = await claim(stub("users/2"), domains=["spiritual"], lease_duration={"seconds": 1})
        seen = await until(watch, name, pb.CASE_STATE_IN_REVIEW)
        assert seen.holder == "users/2"
        assert await until(watch, name, pb.CASE_STATE_PENDING)  # the sweeper gave it back
        held = await claim(stub("users/2"), domains=["spiritual"])
        await until(watch, name, pb.CASE_STATE_IN_REVIEW)
        await stub("users/2").DecideCase(accept(held))
        assert (await until(watch, name, pb.CASE_STATE_APPROVED)).decision.expert == "users/2"
        await stub("users/2").UndoDecision(pb.UndoDecisionRequest(name=name, request_id=new_id()))
        assert await until(watch, name, pb.CASE_STATE_PENDING)
    watch.cancel()


async def until(watch: Any, name: str, state: int) -> pb.ReviewCase:
    """The next frame of the case in that state; every frame before is of the same case."""
    while True:
        frame = await watch.read()
        assert frame.review_case.name in {"", name}
        if frame.review_case.state == state:
            return frame.review_case
