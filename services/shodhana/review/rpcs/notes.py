"""Comments, drafts and preferences."""

from __future__ import annotations

from typing import Any

from shodhana.api.review.v1 import review_pb2 as pb
from shodhana.runtime.pages import encode_page_token
from shodhana.runtime.timestamps import timestamp

from ..domain.notes import Comment, Draft, Preferences
from .base import DEFAULT_PAGE, Rpcs, caller, require
from .reading import position
from .translation import STATES, VERDICTS, case_id_of, case_name


class NoteRpcs(Rpcs):
    """What experts write beside decisions."""

    async def CreateComment(self, request: pb.CreateCommentRequest, context: Any) -> pb.Comment:
        case_id = case_id_of(request.parent)
        return _comment(await self.ports.notes.comment(case_id, caller(), request.text, request.request_id))

    async def ListComments(self, request: pb.ListCommentsRequest, context: Any) -> pb.ListCommentsResponse:
        size, after = request.page_size or DEFAULT_PAGE, position(request.page_token) or 0
        found = await self.ports.notes.comments(case_id_of(request.parent), after, size + 1)
        token = encode_page_token({"id": found[size - 1].comment_id}) if len(found) > size else ""
        return pb.ListCommentsResponse(comments=map(_comment, found[:size]), next_page_token=token)

    async def ListDrafts(self, request: pb.ListDraftsRequest, context: Any) -> pb.ListDraftsResponse:
        size = request.page_size or DEFAULT_PAGE
        case_id = case_id_of(request.review_case) if request.review_case else None
        found = await self.ports.notes.drafts(caller(), case_id, position(request.page_token), size + 1)
        token = encode_page_token({"id": found[size - 1].draft_id}) if len(found) > size else ""
        return pb.ListDraftsResponse(drafts=map(_draft, found[:size]), next_page_token=token)

    async def DeleteDraft(self, request: pb.DeleteDraftRequest, context: Any) -> pb.DeleteDraftResponse:
        await self.ports.notes.delete_draft(int(request.name.removeprefix("reviewDrafts/")), caller())
        return pb.DeleteDraftResponse()

    async def GetReviewPreferences(self, request: pb.GetReviewPreferencesRequest, context: Any) -> pb.ReviewPreferences:
        return _preferences(await self.ports.notes.preferences(request.expert or caller()))

    async def UpdateReviewPreferences(
        self, request: pb.UpdateReviewPreferencesRequest, context: Any
    ) -> pb.ReviewPreferences:
        expert = request.expert or caller()
        require("reviews:write" if expert == caller() else "users:manage")
        domains = tuple(dict.fromkeys(request.preferences.domains))
        return _preferences(await self.ports.notes.prefer(expert, domains, caller()))


def _comment(comment: Comment) -> pb.Comment:
    return pb.Comment(
        name=f"{case_name(comment.case_id)}/comments/{comment.comment_id}",
        author=comment.author,
        text=comment.text,
        create_time=timestamp(comment.created_at),
    )


def _draft(draft: Draft) -> pb.Draft:
    return pb.Draft(
        name=f"reviewDrafts/{draft.draft_id}",
        review_case=case_name(draft.case_id),
        verdict=VERDICTS[draft.verdict],
        decided_text=draft.decided_text,
        comment=draft.comment,
        create_time=timestamp(draft.created_at),
        state=STATES[draft.state],
        heard=draft.heard,
    )


def _preferences(preferences: Preferences) -> pb.ReviewPreferences:
    return pb.ReviewPreferences(
        expert=preferences.expert, domains=preferences.domains, update_time=timestamp(preferences.updated_at)
    )
