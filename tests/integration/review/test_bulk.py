"""Bulk decisions: what the preview listed, nothing else, once, and back again."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from shodhana.api.review.v1 import review_pb2 as pb

from tests.integration.review.calls import Stub, accept, claim, new_id, refusal

HEARD = "baki"


async def queue(stub: Stub, *cases: tuple[str, str, float], filename: str = "a.srt") -> list[str]:
    """Adds cases of (heard, suggested term, probability)."""
    new = [
        pb.NewCase(
            domain="spiritual",
            heard=heard,
            filename=filename,
            suggestions=[pb.Suggestion(term=term, text=term.title(), probability=probability)],
        )
        for heard, term, probability in cases
    ]
    transcripts = stub("services/transcripts", ["service_transcripts"])
    return list((await transcripts.CreateCases(pb.CreateCasesRequest(cases=new, request_id=new_id()))).names)


async def preview(stub: Stub, query: dict[str, Any], user: str = "users/1", **fields: Any) -> pb.BulkPreview:
    fields = {"verdict": pb.VERDICT_ACCEPT, **fields}
    found: pb.BulkPreview = await stub(user).PreviewBulkDecision(pb.PreviewBulkDecisionRequest(query=query, **fields))
    return found


def applying(found: pb.BulkPreview) -> pb.ApplyBulkDecisionRequest:
    return pb.ApplyBulkDecisionRequest(preview=found.name, request_id=new_id())


async def test_a_preview_tells_its_reach_and_decides_nothing(stub: Stub) -> None:
    names = await queue(stub, (HEARD, "bhakti", 0.9), ("Baki", "bhakti", 0.8), ("mukti", "mukti", 0.9))
    await queue(stub, (HEARD, "bhakti", 0.2), (HEARD, "bāṣpa", 0.9), filename="b.srt")
    await claim(stub("users/2"), names=[names[0]])
    found = await preview(stub, {"heard": HEARD, "suggested_term": "bhakti"})
    assert (found.case_count, found.held_count, found.file_count, found.is_truncated) == (2, 1, 2, False)
    assert {(change.heard, change.decided_text, change.case_count) for change in found.changes} == {
        *(("Baki", "Bhakti", 1), (HEARD, "Bhakti", 1)),
    }
    assert [(domain.domain, domain.case_count) for domain in found.domains] == [("spiritual", 2)]
    assert {case.heard for case in found.sample} == {"Baki", HEARD}
    assert (await preview(stub, {"heard": HEARD, "min_probability": 0.5})).case_count == 2
    assert (await preview(stub, {"filename": "b.srt"})).case_count == 2
    counts = (await stub().GetStatistics(pb.GetStatisticsRequest())).counts
    assert (counts.pending, counts.approved) == (4, 0)


async def test_it_decides_what_was_previewed_and_still_waits_once(stub: Stub) -> None:
    names = await queue(stub, *[(HEARD, "bhakti", 0.9)] * 4)
    found = await preview(stub, {"heard": HEARD}, comment="all of them")
    await queue(stub, (HEARD, "bhakti", 0.9))  # came after the preview
    held = await claim(stub("users/2"), names=[names[1]])
    request = applying(found)
    answers = await asyncio.gather(*(stub().ApplyBulkDecision(request) for _ in range(4)))
    assert {(answer.decided_count, answer.missed_count) for answer in answers} == {(3, 1)}
    assert (await stub().ApplyBulkDecision(applying(found))).decided_count == 3
    decided = (await stub().ListCases(pb.ListCasesRequest(expert="me", order=pb.CASE_ORDER_LAST_DECIDED))).cases
    assert {case.name for case in decided} == {names[0], names[2], names[3]}
    [decision, *_] = [case.decision for case in decided]
    assert (decision.decided_text, decision.decided_term, decision.comment) == ("Bhakti", "bhakti", "all of them")
    assert decision.bulk_decision == found.name.replace("bulkPreviews", "bulkDecisions")
    assert (await stub("users/2").DecideCase(accept(held))).review_case.state == pb.CASE_STATE_APPROVED


async def test_it_is_undone_within_the_window_but_for_what_was_taken_back_before(stub: Stub) -> None:
    names = await queue(stub, *[(HEARD, "bhakti", 0.9)] * 3)
    done = await stub().ApplyBulkDecision(applying(await preview(stub, {"heard": HEARD})))
    await stub().UndoDecision(pb.UndoDecisionRequest(name=names[0], request_id=new_id()))
    held = await claim(stub("users/2"), names=[names[0]])
    await stub("users/2").DecideCase(accept(held))
    request = pb.UndoBulkDecisionRequest(name=done.name, request_id=new_id())
    for _ in range(2):
        undone = await stub().UndoBulkDecision(request)
        assert (undone.decided_count, undone.undone_count) == (3, 3)
    states = {case.name: case.state for case in (await stub().ListCases(pb.ListCasesRequest(states=range(1, 7)))).cases}
    assert states == {
        names[0]: pb.CASE_STATE_APPROVED,
        names[1]: pb.CASE_STATE_PENDING,
        names[2]: pb.CASE_STATE_PENDING,
    }


async def test_a_preview_is_its_experts_own_and_the_last_one_counts(stub: Stub) -> None:
    await queue(stub, (HEARD, "bhakti", 0.9))
    old = await preview(stub, {"heard": HEARD})
    new = await preview(stub, {"heard": HEARD}, verdict=pb.VERDICT_REJECT)
    assert (await refusal(stub("users/2").ApplyBulkDecision(applying(new))))[0] == grpc.StatusCode.NOT_FOUND
    assert (await refusal(stub().ApplyBulkDecision(applying(old))))[0] == grpc.StatusCode.FAILED_PRECONDITION
    assert (await stub().ApplyBulkDecision(applying(new))).decided_count == 1
    undo = pb.UndoBulkDecisionRequest(name=new.name.replace("Previews", "Decisions"), request_id=new_id())
    assert (await refusal(stub("users/2").UndoBulkDecision(undo)))[0] == grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({}, {}),
        ({"domains": ["general"]}, {}),
        ({"heard": HEARD}, {"verdict": pb.VERDICT_CORRECT}),
        ({"heard": HEARD}, {"verdict": pb.VERDICT_REJECT, "decided_text": "x"}),
        ({"heard": HEARD}, {"verdict": pb.VERDICT_SKIP}),
    ],
)
async def test_what_is_too_wide_or_says_too_little_is_refused(
    stub: Stub, query: dict[str, Any], fields: dict[str, Any]
) -> None:
    assert (await refusal(preview(stub, query, **fields)))[0] == grpc.StatusCode.INVALID_ARGUMENT
