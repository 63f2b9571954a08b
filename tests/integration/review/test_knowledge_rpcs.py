"""Proposals over gRPC, while the lexicon is away: what is agreed on waits for it."""

from __future__ import annotations

import time
from typing import Any

import grpc
from shodhana.api.review.v1 import knowledge_pb2 as pb
from shodhana.api.review.v1 import review_pb2

from tests.integration.review.calls import ADMIN, Stub, accept, claim, create, new_id, refusal

WAIT_S = 60


async def decided(stub: Stub, user: str, name: str, text: str) -> None:
    expert = stub(user)
    held = await claim(expert, names=[name], request_id=new_id())
    correction = {"verdict": review_pb2.VERDICT_CORRECT, "decided_text": text}
    await expert.DecideCase(accept(held, **correction))


async def listed(stub: Stub, **fields: Any) -> pb.ListLexiconProposalsResponse:
    request = pb.ListLexiconProposalsRequest(**fields)
    answer: pb.ListLexiconProposalsResponse = await stub().ListLexiconProposals(request)
    return answer


async def until_listed(stub: Stub, count: int, **fields: Any) -> list[pb.LexiconProposal]:
    ends_at = time.monotonic() + WAIT_S
    found = await listed(stub, **fields)
    while len(found.proposals) < count:
        assert time.monotonic() < ends_at, "the decisions became no proposals"
        found = await listed(stub, **fields)
    return list(found.proposals)


async def test_proposals_are_listed_by_page_with_who_stands_for_them_and_settled_once(stub: Stub) -> None:
    names = await create(stub, 3)  # heard: bakti 0, bakti 1, bakti 2, which are the same words
    for name, text in zip(names, ("bhakta", "bhakti", "bhukti"), strict=True):
        await decided(stub, "users/1", name, text)
    await until_listed(stub, 3)
    first = await listed(stub, page_size=2)
    second = await listed(stub, page_size=2, page_token=first.next_page_token)
    assert [one.term for one in (*first.proposals, *second.proposals)].count("bhakta") == 1
    assert len(second.proposals) == 1
    assert len((await listed(stub, heard="Baktee")).proposals) == 3, "any popular spelling finds them"
    [found] = second.proposals
    assert found.state == pb.PROPOSAL_STATE_DISPUTED
    assert [support.expert for support in found.supports] == ["users/1"]
    assert (found.expert_count, found.quorum) == (1, 2)

    wanted = {"name": found.name, "resolution": pb.RESOLUTION_REJECT, "request_id": new_id()}
    settled = [await stub().ResolveLexiconProposal(pb.ResolveLexiconProposalRequest(**wanted)) for _ in range(2)]
    assert settled[0] == settled[1]
    assert settled[0].state == pb.PROPOSAL_STATE_WITHDRAWN
    got = await stub().GetLexiconProposal(pb.GetLexiconProposalRequest(name=found.name))
    assert got == settled[0]
    pairs = await stub().ListDecidedPairs(pb.ListDecidedPairsRequest(page_size=10))
    assert found.term not in {pair.term for pair in pairs.pairs}


async def test_what_is_agreed_on_waits_while_the_lexicon_is_away(stub: Stub) -> None:
    names = await create(stub, 1) + await create(stub, 1)
    for user, name in zip(("users/1", "users/2"), names, strict=True):
        await decided(stub, user, name, "bhakta")
    [found] = await until_listed(stub, 1, states=[pb.PROPOSAL_STATE_APPROVED])
    assert found.expert_count == 2
    publications = await stub().ListLexiconPublications(pb.ListLexiconPublicationsRequest())
    assert [one.state for one in publications.publications] in ([], [pb.PUBLICATION_STATE_PLANNED])
    statistics = await stub().GetKnowledgeStatistics(pb.GetKnowledgeStatisticsRequest())
    assert sum(one.proposal_count for one in statistics.proposals) == 1
    preview = stub().PreviewLexiconProposal(pb.PreviewLexiconProposalRequest(name=found.name))
    assert (await refusal(preview))[0] is grpc.StatusCode.UNAVAILABLE


async def test_administrators_read_and_only_adjudicators_settle(stub: Stub) -> None:
    request = pb.ResolveLexiconProposalRequest(
        name="lexiconProposals/1", resolution=pb.RESOLUTION_APPROVE, request_id=new_id()
    )
    status, _, metadata = await refusal(stub("users/9", ADMIN).ResolveLexiconProposal(request))
    assert (status, metadata["permission"]) == (grpc.StatusCode.PERMISSION_DENIED, "cases:assign")
    assert (await refusal(stub().ResolveLexiconProposal(request)))[0] is grpc.StatusCode.NOT_FOUND
