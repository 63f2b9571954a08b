"""`shodhana review list`, `show` and `drafts`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from shodhana.api.review.v1 import review_pb2 as pb

from ..review.answers import state_word
from ..review.case_text import stands, when, where
from ..review.lines import described
from ..review.people import name_experts
from ..terminal import print_json, print_table
from .session import EXIT_OK, connected

MOST_A_PAGE = 100


def list_cases(wanted: dict[str, Any], limit: int, as_json: bool, profile: Path | None) -> int:
    """Cases in the order of the queue."""
    found: list[pb.ReviewCase] = []
    token = ""
    with connected(profile) as client:
        while len(found) < limit and (token or not found):
            size = min(MOST_A_PAGE, limit - len(found))
            page = client.review.ListCases(pb.ListCasesRequest(page_size=size, page_token=token, **wanted))
            found += page.cases
            token = page.next_page_token
            if not token:
                break
    if as_json:
        print_json(documents(found))
    else:
        text = "your answer" if wanted.get("expert") else "suggested or decided"
        print_table(("case", "state", "domain", "heard", text, "where", "due or decided"), map(_row, found))
    return EXIT_OK


def show_case(number: str, as_json: bool, profile: Path | None) -> int:
    """One case, as it is read by whoever decides it."""
    with connected(profile) as client:
        case = client.review.GetCase(pb.GetCaseRequest(name=f"reviewCases/{number}"))
        if not as_json:
            name_experts(client, [case])
    if as_json:
        print_json(documents([case])[0])
        return EXIT_OK
    print("\n".join(described(case)))
    decision = case.decision
    if case.HasField("decision") and not decision.HasField("undo_time"):
        note = f" ({decision.comment})" if decision.comment else ""
        print(f"{state_word(case.state)} by {decision.expert}: {decision.decided_text or 'as heard'}{note}")
    return EXIT_OK


def list_drafts(as_json: bool, profile: Path | None) -> int:
    """What was sent for cases that were lost."""
    with connected(profile) as client:
        drafts = client.review.ListDrafts(pb.ListDraftsRequest(page_size=MOST_A_PAGE)).drafts
    if as_json:
        print_json(documents(drafts))
        return EXIT_OK
    rows = [
        (one.name, one.review_case, one.heard, one.decided_text, one.comment, state_word(one.state)) for one in drafts
    ]
    print_table(("draft", "case", "heard", "your text", "your note", "the case is"), rows)
    return EXIT_OK


def documents(messages: Sequence[Any]) -> list[dict[str, Any]]:
    """As JSON types."""
    return [MessageToDict(message, preserving_proto_field_name=True) for message in messages]


def _row(case: pb.ReviewCase) -> tuple[str, ...]:
    number = case.name.removeprefix("reviewCases/")
    return number, state_word(case.state), case.domain, case.heard, stands(case), where(case), when(case)
