"""Second reads: by another, blind; what two disagree on is settled by a third."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from shodhana.api.review.v1 import review_pb2 as pb

from tests.integration.review.calls import Stub, accept, claim, new_id, refusal

ANNE, BHIMA, CHITRA = "users/anne", "users/bhima", "users/chitra"


async def create_for_two(stub: Stub, count: int = 1) -> list[str]:
    new = [
        pb.NewCase(
            domain="general", heard=f"bakti {i}", filename="a.srt", reads=2, suggestions=[pb.Suggestion(term="bhakti")]
        )
        for i in range(count)
    ]
    transcripts = stub("services/transcripts", ["service_transcripts"])
    return list((await transcripts.CreateCases(pb.CreateCasesRequest(cases=new, request_id=new_id()))).names)


async def decide(stub: Stub, user: str, text: str, **fields: Any) -> pb.ReviewCase:
    """Claims one and corrects it."""
    held = await claim(stub(user), **fields)
    sent = accept(held, verdict=pb.VERDICT_CORRECT, decided_text=text)
    answer: pb.DecideCaseResponse = await stub(user).DecideCase(sent)
    return answer.review_case


async def state_of(stub: Stub, name: str) -> int:
    return int((await stub().GetCase(pb.GetCaseRequest(name=name))).state)


async def waiting(stub: Stub, user: str, **fields: Any) -> int:
    return len((await stub(user).ClaimCases(pb.ClaimCasesRequest(count=5, **fields))).cases)


async def test_a_second_read_is_for_somebody_else_and_tells_nothing_of_the_first(stub: Stub) -> None:
    [name] = await create_for_two(stub)
    await decide(stub, ANNE, "bhakti")
    assert await waiting(stub, ANNE) == 0
    second = await claim(stub(BHIMA))
    assert second.review_case.name != name
    assert second.review_case.heard == "bakti 0"
    assert not second.review_case.HasField("decision")
    assert not second.review_case.reads
    listed = await stub(CHITRA).ListCases(pb.ListCasesRequest())
    assert not listed.cases
    own = await stub(BHIMA).ListCases(pb.ListCasesRequest(holder="me"))
    assert [case.name for case in own.cases] == [second.review_case.name]


async def test_two_who_agree_leave_the_case_as_it_is(stub: Stub) -> None:
    [name] = await create_for_two(stub)
    await decide(stub, ANNE, "bhakti")
    await decide(stub, BHIMA, "bhakti")
    assert await state_of(stub, name) == pb.CASE_STATE_APPROVED
    assert await waiting(stub, CHITRA, include_disputed=True) == 0


async def test_two_who_disagree_are_judged_by_a_third_who_sees_both(stub: Stub) -> None:
    [name] = await create_for_two(stub)
    await decide(stub, ANNE, "bhakti")
    await decide(stub, BHIMA, "bhukti")
    assert await state_of(stub, name) == pb.CASE_STATE_NEEDS_REVISION
    assert await waiting(stub, CHITRA) == 0  # one who does not ask for disputes
    for reader in (ANNE, BHIMA):
        assert await waiting(stub, reader, include_disputed=True) == 0
    held = await claim(stub(CHITRA), include_disputed=True)
    assert {(read.expert, read.decided_text) for read in held.review_case.reads} == {
        *((ANNE, "bhakti"), (BHIMA, "bhukti")),
    }
    assert not (await stub(ANNE).GetCase(pb.GetCaseRequest(name=name))).reads
    settled = (await stub(CHITRA).DecideCase(accept(held, decided_text="bhukti"))).review_case
    assert settled.name == name
    assert settled.decision.is_adjudication
    figures = await stub().GetStatistics(pb.GetStatisticsRequest())
    overturned = {expert.expert: expert.overturned_count for expert in figures.experts}
    assert overturned == {ANNE: 1, BHIMA: 0, CHITRA: 0}


async def test_a_dispute_needs_the_permission_to_judge(stub: Stub) -> None:
    junior = stub(permissions=["reviews:write"])
    code, reason, metadata = await refusal(junior.ClaimCases(pb.ClaimCasesRequest(include_disputed=True)))
    assert (code, reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")
    assert metadata == {"permission": "cases:assign"}


async def test_a_reader_who_gives_way_ends_the_dispute(stub: Stub) -> None:
    [name] = await create_for_two(stub)
    await decide(stub, ANNE, "bhakti")
    second = await decide(stub, BHIMA, "bhukti")
    await stub(BHIMA).UndoDecision(pb.UndoDecisionRequest(name=second.name, request_id=new_id()))
    assert await state_of(stub, name) == pb.CASE_STATE_APPROVED
    await decide(stub, BHIMA, "bhakti")
    assert await state_of(stub, name) == pb.CASE_STATE_APPROVED


async def test_a_first_read_taken_back_is_not_for_the_second_reader(stub: Stub) -> None:
    [name] = await create_for_two(stub)
    await decide(stub, ANNE, "bhakti")
    await decide(stub, BHIMA, "bhukti")
    await stub(ANNE).UndoDecision(pb.UndoDecisionRequest(name=name, request_id=new_id()))
    assert await state_of(stub, name) == pb.CASE_STATE_PENDING
    assert await waiting(stub, BHIMA) == 0
    await decide(stub, CHITRA, "bhukti")
    assert await state_of(stub, name) == pb.CASE_STATE_APPROVED


async def test_a_judgement_taken_back_leaves_the_dispute(stub: Stub) -> None:
    [name] = await create_for_two(stub)
    await decide(stub, ANNE, "bhakti")
    await decide(stub, BHIMA, "bhukti")
    await decide(stub, CHITRA, "bhukti", include_disputed=True)
    await stub(CHITRA).UndoDecision(pb.UndoDecisionRequest(name=name, request_id=new_id()))
    assert await state_of(stub, name) == pb.CASE_STATE_NEEDS_REVISION


async def test_readers_who_decide_at_once_are_found_to_disagree(stub: Stub) -> None:
    names = await create_for_two(stub, 5)
    for name in names:
        await decide(stub, ANNE, "bhakti", names=[name])
        await stub(ANNE).UndoDecision(pb.UndoDecisionRequest(name=name, request_id=new_id()))
    first = (await stub(ANNE).ClaimCases(pb.ClaimCasesRequest(names=names))).cases
    for held in first:
        await stub(ANNE).DecideCase(accept(held))
    second = (await stub(BHIMA).ClaimCases(pb.ClaimCasesRequest(count=5))).cases
    assert len(second) == 5
    for held in second:
        await stub(BHIMA).DecideCase(accept(held, decided_text="bhukti"))
    states = [await state_of(stub, name) for name in names]
    assert states == [pb.CASE_STATE_NEEDS_REVISION] * 5


async def test_agreement_is_counted_by_domain_and_person(stub: Stub) -> None:
    await create_for_two(stub, 4)
    for text in ("bhakti", "bhakti", "mukti", "mukti"):
        await decide(stub, ANNE, text)
    for text in ("bhakti", "bhakti", "mukti", "bhakti"):
        await decide(stub, BHIMA, text)
    figures = await stub().GetStatistics(pb.GetStatisticsRequest())
    domain = next(domain for domain in figures.domains if domain.domain == "general")
    assert (domain.paired_count, domain.disputed_count, domain.decision_count) == (4, 1, 8)
    assert domain.alpha == pytest.approx(0.5333, abs=1e-4)
    assert figures.alpha == domain.alpha
    assert {(one.expert, one.paired_count, one.agreed_count) for one in figures.experts} == {
        *((ANNE, 4, 3), (BHIMA, 4, 3)),
    }
