"""Comments, drafts and preferences."""

from __future__ import annotations

import grpc
from shodhana.api.review.v1 import review_pb2 as pb

from tests.integration.review.calls import ADMIN, Stub, accept, claim, create, new_id, refusal


async def test_comments_are_added_once_and_read_in_pages(stub: Stub) -> None:
    [name] = await create(stub, 1)
    for i in range(5):
        request = pb.CreateCommentRequest(parent=name, text=f"remark {i}", request_id=new_id())
        first = await stub(f"users/{i}").CreateComment(request)
        assert await stub(f"users/{i}").CreateComment(request) == first
        changed = pb.CreateCommentRequest(parent=name, text="other", request_id=request.request_id)
        assert (await refusal(stub(f"users/{i}").CreateComment(changed)))[1] == "REQUEST_ID_REUSED"
    seen, token = [], ""
    while not seen or token:
        page = await stub().ListComments(pb.ListCommentsRequest(parent=name, page_size=2, page_token=token))
        seen += [(comment.author, comment.text) for comment in page.comments]
        token = page.next_page_token
    assert seen == [(f"users/{i}", f"remark {i}") for i in range(5)]


async def test_a_comment_on_no_case_is_refused(stub: Stub) -> None:
    request = pb.CreateCommentRequest(parent="reviewCases/9", text="x", request_id=new_id())
    assert (await refusal(stub().CreateComment(request)))[0] == grpc.StatusCode.NOT_FOUND
    listing = stub().ListComments(pb.ListCommentsRequest(parent="reviewCases/9"))
    assert (await refusal(listing))[0] == grpc.StatusCode.NOT_FOUND


async def test_a_draft_is_its_experts_own_and_can_be_sent_after_a_new_claim(stub: Stub) -> None:
    [name] = await create(stub, 1)
    late = await claim(stub())
    await stub().SkipCase(pb.SkipCaseRequest(name=name, fencing_token=late.lease.fencing_token, request_id=new_id()))
    sent = accept(late, verdict=pb.VERDICT_CORRECT, decided_text="my careful text", comment="why")
    for _ in range(2):
        assert (await refusal(stub().DecideCase(sent)))[1] == "LEASE_LOST"
    [draft] = (await stub().ListDrafts(pb.ListDraftsRequest(review_case=name))).drafts
    assert (draft.decided_text, draft.comment, draft.verdict) == ("my careful text", "why", pb.VERDICT_CORRECT)
    assert (draft.state, draft.heard) == (pb.CASE_STATE_PENDING, "bakti 0")
    assert not (await stub("users/2").ListDrafts(pb.ListDraftsRequest())).drafts
    foreign = stub("users/2").DeleteDraft(pb.DeleteDraftRequest(name=draft.name))
    assert (await refusal(foreign))[0] == grpc.StatusCode.NOT_FOUND
    held = await claim(stub(), names=[draft.review_case])
    await stub().DecideCase(accept(held, verdict=draft.verdict, decided_text=draft.decided_text))
    for _ in range(2):
        await stub().DeleteDraft(pb.DeleteDraftRequest(name=draft.name))
    assert not (await stub().ListDrafts(pb.ListDraftsRequest())).drafts


async def test_an_expert_is_given_cases_of_their_fields_unless_they_ask_for_others(stub: Stub) -> None:
    for domain in ("general", "scriptural", "spiritual"):
        await create(stub, 2, domain)
    wanted = pb.ReviewPreferences(domains=["scriptural"])
    saved = await stub().UpdateReviewPreferences(pb.UpdateReviewPreferencesRequest(preferences=wanted))
    assert (saved.expert, list(saved.domains)) == ("users/1", ["scriptural"])
    assert await stub().GetReviewPreferences(pb.GetReviewPreferencesRequest()) == saved
    taken = (await stub().ClaimCases(pb.ClaimCasesRequest(count=5))).cases
    assert [held.review_case.domain for held in taken] == ["scriptural"] * 2
    assert (await claim(stub(), domains=["spiritual"])).review_case.domain == "spiritual"
    assert len((await stub("users/2").ClaimCases(pb.ClaimCasesRequest(count=5))).cases) == 3


async def test_fields_of_others_are_set_by_those_who_manage_users(stub: Stub) -> None:
    request = pb.UpdateReviewPreferencesRequest(expert="users/1", preferences={"domains": ["general"]})
    code, _, metadata = await refusal(stub("users/2").UpdateReviewPreferences(request))
    assert (code, metadata) == (grpc.StatusCode.PERMISSION_DENIED, {"permission": "users:manage"})
    own = pb.UpdateReviewPreferencesRequest(preferences={})
    reader = stub("users/3", permissions=["reviews:read"])
    assert (await refusal(reader.UpdateReviewPreferences(own)))[2] == {"permission": "reviews:write"}
    await stub("users/boss", ADMIN).UpdateReviewPreferences(request)
    assert list((await stub().GetReviewPreferences(pb.GetReviewPreferencesRequest())).domains) == ["general"]
