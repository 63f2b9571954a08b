"""What experts propose outright: a case that its proposer has decided, and that another reads next."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from shodhana.api.review.v1 import knowledge_pb2 as pb
from shodhana.api.review.v1 import review_pb2

from tests.integration.review.calls import ADMIN, Stub, accept, claim, new_id, refusal, violated_fields
from tests.integration.review.test_knowledge_rpcs import until_listed


def proposal(**changes: Any) -> pb.ProposeLexiconEntryRequest:
    fields = {
        "heard": "vivarta vadda",
        "term": "vivartavāda",
        "domain": "philosophical",
        "gloss": "the world as appearance",
        "context": "what is called vivarta vadda in the schools",
        "request_id": new_id(),
    }
    return pb.ProposeLexiconEntryRequest(**{**fields, **changes})


async def test_a_proposal_waits_for_another_expert_and_their_agreement_approves_it(stub: Stub) -> None:
    proposer, other = stub("users/1"), stub("users/2")
    made = (await proposer.ProposeLexiconEntry(proposal())).review_case
    assert made.state == review_pb2.CASE_STATE_APPROVED
    assert (made.decision.expert, made.decision.decided_term) == ("users/1", "vivartavāda")
    assert made.context[made.context_start : made.context_end] == "vivarta vadda"
    assert not (await proposer.ClaimCases(review_pb2.ClaimCasesRequest(request_id=new_id()))).cases, "not one's own"
    held = await claim(other, request_id=new_id())
    assert held.review_case.suggestions[0].gloss == "the world as appearance"
    await other.DecideCase(accept(held))
    [found] = await until_listed(stub, 1, states=[pb.PROPOSAL_STATE_APPROVED])
    assert (found.heard, found.term, found.gloss) == ("vivarta vadda", "vivartavāda", "the world as appearance")
    assert {support.expert for support in found.supports} == {"users/1", "users/2"}
    statistics = await stub().GetKnowledgeStatistics(pb.GetKnowledgeStatisticsRequest())
    assert not statistics.HasField("calibration_error"), "nothing was suggested by the system"


async def test_a_repeated_proposal_is_one(stub: Stub) -> None:
    sent = proposal()
    answers = await asyncio.gather(*(stub("users/1").ProposeLexiconEntry(sent) for _ in range(6)))
    assert {answer.review_case.name for answer in answers} == {answers[0].review_case.name}
    other = proposal(request_id=sent.request_id, term="vivarta")
    assert (await refusal(stub("users/1").ProposeLexiconEntry(other)))[0] is grpc.StatusCode.ALREADY_EXISTS


async def test_a_proposal_taken_back_leaves_nothing_to_decide(stub: Stub) -> None:
    proposer = stub("users/1")
    made = (await proposer.ProposeLexiconEntry(proposal())).review_case
    undo = review_pb2.UndoDecisionRequest(name=made.name, request_id=new_id())
    undone = [await proposer.UndoDecision(undo) for _ in range(2)]
    assert [one.state for one in undone] == [review_pb2.CASE_STATE_WITHDRAWN] * 2
    assert not (await stub("users/2").ClaimCases(review_pb2.ClaimCasesRequest(request_id=new_id()))).cases
    counts = (await stub().GetStatistics(review_pb2.GetStatisticsRequest())).counts
    assert (counts.pending, counts.withdrawn) == (0, 2)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"term": "vivartavada!"}, "term"),
        ({"term": "a b c d e"}, "term"),
        ({"heard": "vi"}, "heard"),
        ({"heard": "one two three four five"}, "heard"),
        ({"heard": "विवर्त"}, "heard"),
        ({"heard": "Vivartavāda"}, "heard"),
        ({"domain": "cookery"}, "domain"),
    ],
)
async def test_what_cannot_be_learned_is_refused_by_field(stub: Stub, changes: dict[str, str], field: str) -> None:
    assert await violated_fields(stub("users/1").ProposeLexiconEntry(proposal(**changes))) == {field}


async def test_only_experts_propose(stub: Stub) -> None:
    for roles in (ADMIN, ("viewer",)):
        assert (await refusal(stub("users/1", roles).ProposeLexiconEntry(proposal())))[
            0
        ] is grpc.StatusCode.PERMISSION_DENIED


async def test_many_cases_are_got_at_once_in_the_order_asked_for(stub: Stub) -> None:
    names = [
        (await stub("users/1").ProposeLexiconEntry(proposal(heard=f"garble {word}"))).review_case.name for word in "ab"
    ]
    wanted = [names[1], "reviewCases/999999", names[0]]
    answer = await stub().BatchGetCases(review_pb2.BatchGetCasesRequest(names=wanted))
    assert [case.name for case in answer.cases] == [names[1], names[0]]
