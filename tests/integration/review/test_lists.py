"""Lists of cases by every filter, in both orders, in pages; claims by name and along with decisions."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from shodhana.api.review.v1 import review_pb2 as pb

from tests.integration.review.calls import Stub, accept, claim, create, new_id, refusal


async def listed(stub: Stub, user: str = "users/1", **query: Any) -> list[str]:
    seen, token, pages = [], "", 0
    while not pages or token:
        request = pb.ListCasesRequest(page_size=2, page_token=token, **query)
        page = await stub(user).ListCases(request)
        seen, token, pages = [*seen, *(case.name for case in page.cases)], page.next_page_token, pages + 1
    return seen


@pytest.fixture
async def names(stub: Stub) -> list[str]:
    """Seven cases: two decided by 1, one by 2, one skipped by 1, one held by 2, two that wait."""
    found = await create(stub, 5)
    found += await create(stub, 2, "general")
    for user, name, verdict in (
        ("users/1", found[0], pb.VERDICT_ACCEPT),
        ("users/2", found[1], pb.VERDICT_REJECT),
        ("users/1", found[2], pb.VERDICT_REJECT),
    ):
        await stub(user).DecideCase(accept(await claim(stub(user), names=[name]), verdict=verdict))
    held = await claim(stub(), names=[found[3]])
    skip = pb.SkipCaseRequest(name=found[3], fencing_token=held.lease.fencing_token, request_id=new_id())
    await stub().SkipCase(skip)
    await claim(stub("users/2"), names=[found[4]])
    return found


async def test_each_filter_finds_its_cases(stub: Stub, names: list[str]) -> None:
    assert await listed(stub) == [names[4], names[5], names[6], names[3]]
    assert await listed(stub, states=[pb.CASE_STATE_REJECTED]) == [names[1], names[2]]
    assert await listed(stub, domains=["general"]) == names[5:]
    assert await listed(stub, heard="AKTI 1") == [names[6]]
    assert await listed(stub, filename="b.srt") == []
    assert await listed(stub, holder="users/2") == [names[4]]
    assert await listed(stub, "users/2", holder="me") == [names[4]]
    assert await listed(stub, verdicts=[pb.VERDICT_REJECT]) == [names[1], names[2]]
    assert await listed(stub, only_overdue=True) == []


async def test_the_last_decided_come_first(stub: Stub, names: list[str]) -> None:
    order = pb.CASE_ORDER_LAST_DECIDED
    assert await listed(stub, order=order) == [names[2], names[1], names[0]]
    assert await listed(stub, order=order, expert="me") == [names[2], names[0]]
    assert await listed(stub, order=order, expert="me", verdicts=[pb.VERDICT_ACCEPT]) == [names[0]]
    await stub().UndoDecision(pb.UndoDecisionRequest(name=names[2], request_id=new_id()))
    assert await listed(stub, order=order) == [names[1], names[0]]


async def test_a_case_is_claimed_by_name_where_it_waits(stub: Stub, names: list[str]) -> None:
    taken = (await stub().ClaimCases(pb.ClaimCasesRequest(names=[names[0], names[4], names[6]]))).cases
    assert [held.review_case.name for held in taken] == [names[6]]


async def test_a_decision_claims_the_next_case(stub: Stub) -> None:
    names = await create(stub, 3)
    held = await claim(stub())
    sent = accept(held, claim_next=pb.ClaimCasesRequest(count=5, request_id=new_id()))
    first = await stub().DecideCase(sent)
    assert [one.review_case.name for one in first.next_cases] == names[1:]
    assert await stub().DecideCase(sent) == first
    for one in first.next_cases:
        last = await stub().DecideCase(accept(one))
    assert not last.next_cases


async def test_a_refused_decision_claims_nothing(stub: Stub) -> None:
    await create(stub, 2)
    held = await claim(stub())
    held.lease.fencing_token += 1
    sent = accept(held, claim_next=pb.ClaimCasesRequest(count=1))
    assert (await refusal(stub().DecideCase(sent)))[1] == "LEASE_LOST"
    decider = stub("users/2", permissions=["decisions:create"])
    assert (await refusal(decider.DecideCase(sent)))[2] == {"permission": "reviews:write"}
    counts = (await stub().GetStatistics(pb.GetStatisticsRequest())).counts
    assert (counts.pending, counts.in_review) == (1, 1)


async def test_accepting_where_nothing_is_suggested_needs_a_text(stub: Stub) -> None:
    case = pb.NewCase(domain="general", heard="x")
    transcripts = stub("services/transcripts", ["service_transcripts"])
    await transcripts.CreateCases(pb.CreateCasesRequest(cases=[case], request_id=new_id()))
    held = await claim(stub())
    code, _, _ = await refusal(stub().DecideCase(accept(held)))
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    decided = await stub().DecideCase(accept(held, decided_text=" bhaktí "))
    assert decided.review_case.decision.decided_text == "bhaktí"


async def test_the_term_of_a_suggestion_is_known_by_its_text(stub: Stub) -> None:
    suggestions = [pb.Suggestion(term="mukti"), pb.Suggestion(term="bhakti", text="Bhakti")]
    case = pb.NewCase(domain="general", heard="x", suggestions=suggestions)
    transcripts = stub("services/transcripts", ["service_transcripts"])
    await transcripts.CreateCases(pb.CreateCasesRequest(cases=[case], request_id=new_id()))
    sent = accept(await claim(stub()), verdict=pb.VERDICT_CORRECT, decided_text="Bhakti")
    assert (await stub().DecideCase(sent)).review_case.decision.decided_term == "bhakti"


async def test_statistics_tell_ages_days_and_throughput(stub: Stub) -> None:
    await create(stub, 4)
    for _ in range(2):
        await stub().DecideCase(accept(await claim(stub())))
    last = (await stub().DecideCase(accept(await claim(stub())))).review_case
    await stub().UndoDecision(pb.UndoDecisionRequest(name=last.name, request_id=new_id()))
    for caller in (stub(), stub("users/9", ["viewer"])):
        figures = await caller.GetStatistics(pb.GetStatisticsRequest(days=7))
        assert (len(figures.days), figures.decided_last_hour_count) == (7, 2)
        assert [day.created_count for day in figures.days] == [0] * 6 + [4]
        today = figures.days[-1]
        assert (today.decided_count, today.undone_count, today.in_time_count) == (2, 1, 2)
        assert [(band.min_share, band.case_count) for band in figures.ages][:2] == [(0, 2), (0.25, 0)]
        [expert] = figures.experts
        assert (expert.undone_count, expert.in_time_share) == (1, 1)
        assert figures.sla.seconds == 3 * 24 * 3600
    processor = stub("systems/1", ["processor"])
    assert (await refusal(processor.GetStatistics(pb.GetStatisticsRequest())))[0] == grpc.StatusCode.PERMISSION_DENIED
