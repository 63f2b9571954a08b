"""Cases whose answer is known: handed out like the others, known to nobody, counted for each expert."""

from __future__ import annotations

import grpc
import pytest
from shodhana.api.review.v1 import review_pb2 as pb

from tests.integration.review.calls import ADMIN, Stub, accept, claim, create, new_id, refusal


@pytest.fixture
def shares() -> dict[str, float]:
    return {"second_read_share": 0.0, "gold_share": 1.0}


async def add(stub: Stub, *right_texts: str, copies: int = 0, request_id: str = "") -> str:
    suggestion = pb.Suggestion(term="bhakti", probability=0.5)
    case = pb.NewCase(domain="spiritual", heard="bakti x", filename="a.srt", suggestions=[suggestion])
    gold = pb.NewGoldCase(review_case=case, right_texts=right_texts, copies=copies)
    request = pb.CreateGoldCasesRequest(cases=[gold], request_id=request_id or new_id())
    [name] = (await stub("users/boss", ADMIN).CreateGoldCases(request)).names
    return str(name)


async def test_each_expert_gets_it_once_and_it_looks_like_any_other(stub: Stub) -> None:
    await add(stub, "bhakti")
    [ordinary] = await create(stub, 1)
    for user in ("users/1", "users/2"):
        held = await claim(stub(user))
        assert held.review_case.heard == "bakti x"
        assert {field.name for field, _ in held.review_case.ListFields()} == {
            *("name", "state", "domain", "heard", "suggestions", "filename", "create_time", "due_time", "holder"),
        }
        await stub(user).DecideCase(accept(held))
    assert (await claim(stub())).review_case.name == ordinary


async def test_its_times_are_those_of_a_case_beside_it(stub: Stub) -> None:
    await add(stub, "bhakti")
    await create(stub, 5)
    held = (await stub().ClaimCases(pb.ClaimCasesRequest(count=5))).cases
    assert len(held) == 5
    assert [one.review_case.heard for one in held].count("bakti x") == 1
    assert len({one.review_case.create_time.ToNanoseconds() for one in held}) == 1


async def test_a_claim_sent_again_gets_the_same_and_no_more(stub: Stub) -> None:
    await add(stub, "bhakti")
    await add(stub, "bhakti")
    await create(stub, 5)
    for count in (1, 3):
        request = pb.ClaimCasesRequest(count=count, request_id=new_id())
        first = [held.lease for held in (await stub().ClaimCases(request)).cases]
        assert len(first) == count
        again = [held.lease for held in (await stub().ClaimCases(request)).cases]
        assert sorted(map(str, again)) == sorted(map(str, first))


async def test_no_more_experts_get_it_than_copies_were_made(stub: Stub) -> None:
    await add(stub, "bhakti", copies=1)
    await claim(stub())
    assert not (await stub("users/2").ClaimCases(pb.ClaimCasesRequest())).cases


async def test_right_answers_are_counted_for_administrators_only(stub: Stub) -> None:
    name = await add(stub, "bhakti", "bhaktiḥ")
    await add(stub)  # it is to be rejected
    for text in ("bhaktiḥ", "bhukti"):
        held = await claim(stub())
        await stub().DecideCase(accept(held, verdict=pb.VERDICT_CORRECT, decided_text=text))
    admin = stub("users/boss", permissions=["reviews:read", "metrics:admin", "system:admin"])
    [seen] = (await admin.GetStatistics(pb.GetStatisticsRequest())).experts
    assert (seen.decision_count, seen.gold_count, seen.gold_right_count) == (2, 2, 1)
    [own] = (await stub().GetStatistics(pb.GetStatisticsRequest())).experts
    assert (own.decision_count, own.gold_count, own.gold_right_count) == (2, 0, 0)
    listed = (await admin.ListGoldCases(pb.ListGoldCasesRequest())).cases
    assert [(gold.decision_count, gold.right_count) for gold in listed] == [(1, 0), (1, 1)]
    assert listed[1].name == name
    assert list(listed[1].right_texts) == ["bhakti", "bhaktiḥ"]


async def test_they_are_added_once_and_by_administrators_only(stub: Stub) -> None:
    request_id = new_id()
    assert await add(stub, "bhakti", request_id=request_id) == await add(stub, "bhakti", request_id=request_id)
    with pytest.raises(grpc.aio.AioRpcError, match="came with other cases"):
        await add(stub, "mukti", request_id=request_id)
    for call in (
        stub().CreateGoldCases(pb.CreateGoldCasesRequest()),
        stub().ListGoldCases(pb.ListGoldCasesRequest()),
    ):
        assert (await refusal(call))[0] == grpc.StatusCode.PERMISSION_DENIED
