"""What a reviewer answers, and how it is sent."""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from google.protobuf.duration_pb2 import Duration
from shodhana.api.review.v1 import review_pb2 as pb

from ..client import Client
from ..errors import Conflict, ShodhanaError

CALL_S = 20.0
ANSWERS = uuid.UUID("5a1f3c1e-6d0b-5c1e-9a55-6b2f7c0d9e41")
VERDICTS = {
    "accept": pb.VERDICT_ACCEPT,
    "correct": pb.VERDICT_CORRECT,
    "reject": pb.VERDICT_REJECT,
}


class LeaseLost(Exception):
    """The case is somebody else's by now, or decided. What was answered is kept as a draft."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`verdict` is accept, correct, reject, skip or escalate; `text` is what is right, with correct."""

    verdict: str
    text: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A claim of a case: its name, what was heard there, and the fencing token."""

    case: str
    heard: str
    fence: int

    def request_id(self, answer: Answer) -> str:
        """The same for the same answer: sent twice, it is decided once."""
        parts = (self.case, str(self.fence), answer.verdict, answer.text, answer.comment)
        return str(uuid.uuid5(ANSWERS, "\n".join(parts)))


def chosen(case: pb.ReviewCase, number: int) -> Answer:
    """Taking the suggestion of that number, from 1: the first is accepted, another is a correction."""
    if number == 1:
        return Answer("accept")
    suggestion = case.suggestions[number - 1]
    return Answer("correct", suggestion.text or suggestion.term)


def send(client: Client, ticket: Ticket, answer: Answer) -> pb.ReviewCase:
    """Sends an answer; where the lease ended but the case still waits, it is claimed again first.

    Raises LeaseLost, and ShodhanaError for what else goes wrong.
    """
    request_id = ticket.request_id(answer)
    try:
        return _sent(client, ticket, answer, request_id)
    except Conflict as error:
        if error.reason != "LEASE_LOST":
            raise
        if not (claimed := claim(client, names=[ticket.case])):
            raise LeaseLost(_whose(client, ticket.case)) from error
    again = Ticket(ticket.case, ticket.heard, claimed[0].lease.fencing_token)
    case = _sent(client, again, answer, request_id)
    _throw_drafts_away(client, ticket.case, answer)
    return case


def claim(client: Client, lease_s: float = 0, **wanted: Any) -> Sequence[pb.ClaimedCase]:
    """Claims cases, as ClaimCasesRequest says; `lease_s` 0: the deployment's."""
    request = pb.ClaimCasesRequest(request_id=str(uuid.uuid4()), **wanted)
    if lease_s:
        request.lease_duration.CopyFrom(Duration(seconds=int(lease_s)))
    return client.review.ClaimCases(request, timeout=CALL_S).cases


def _sent(client: Client, ticket: Ticket, answer: Answer, request_id: str) -> pb.ReviewCase:
    common: dict[str, Any] = {
        "name": ticket.case,
        "fencing_token": ticket.fence,
        "comment": answer.comment,
        "request_id": request_id,
    }
    if answer.verdict == "skip":
        return client.review.SkipCase(pb.SkipCaseRequest(**common), timeout=CALL_S)
    if answer.verdict == "escalate":
        return client.review.EscalateCase(pb.EscalateCaseRequest(**common), timeout=CALL_S)
    request = pb.DecideCaseRequest(
        verdict=VERDICTS[answer.verdict],
        decision_type=kind_of(ticket.heard, answer),
        decided_text=answer.text,
        **common,
    )
    return client.review.DecideCase(request, timeout=CALL_S).review_case


def kind_of(heard: str, answer: Answer) -> pb.DecisionType.ValueType:
    """What kind of decision an answer is, as far as its letters tell."""
    if answer.verdict == "reject":
        return pb.DECISION_TYPE_FALSE_POSITIVE
    if answer.text and answer.text.casefold() == heard.casefold():
        return pb.DECISION_TYPE_CAPITALIZATION_CHANGE
    if answer.text and plain(answer.text) == plain(heard):
        return pb.DECISION_TYPE_TRANSLITERATION_FIX
    return pb.DECISION_TYPE_LEXICON_CORRECTION


def plain(text: str) -> str:
    """Small letters without their marks."""
    letters = unicodedata.normalize("NFD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _whose(client: Client, name: str) -> str:
    """What became of a case, for a reader."""
    state = client.review.GetCase(pb.GetCaseRequest(name=name), timeout=CALL_S).state
    found = "somebody else has it" if state == pb.CASE_STATE_IN_REVIEW else f"it is {state_word(state)}"
    return f"{name} is no longer yours, {found}; your answer is kept as a draft"


def state_word(state: pb.CaseState.ValueType) -> str:
    """ "in review"."""
    return pb.CaseState.Name(state).removeprefix("CASE_STATE_").replace("_", " ").lower()


def _throw_drafts_away(client: Client, name: str, answer: Answer) -> None:
    """What the refused attempt left behind; a draft too many does no harm."""
    with suppress(ShodhanaError):
        found = client.review.ListDrafts(pb.ListDraftsRequest(review_case=name), timeout=CALL_S)
        for draft in found.drafts:
            if (draft.decided_text, draft.comment) == (answer.text, answer.comment):
                client.review.DeleteDraft(pb.DeleteDraftRequest(name=draft.name), timeout=CALL_S)
