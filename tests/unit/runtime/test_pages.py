"""Page tokens hold for the list and the query they were issued to, and for nothing else."""

from __future__ import annotations

import base64
import contextvars
from typing import Any

import pytest
from google.protobuf.message import Message
from shodhana.api.identity.v1 import identity_pb2
from shodhana.api.review.v1 import review_pb2
from shodhana.runtime import pages
from shodhana.runtime.pages import PageTokenInvalid, decode_page_token, encode_page_token

CASES = "/shodhana.api.review.v1.ReviewService/ListCases"
USERS = "/shodhana.api.identity.v1.UserService/ListUsers"


def within(method: str, request: Message, work: Any, *arguments: Any) -> Any:
    """What `work` returns inside an RPC."""

    def run() -> Any:
        pages.begin(method, request)
        return work(*arguments)

    return contextvars.Context().run(run)


def issued(request: Message) -> str:
    return str(within(CASES, request, encode_page_token, {"after": 7}))


def test_a_token_leads_to_the_next_page_of_its_list() -> None:
    query = review_pb2.ListCasesRequest(domains=["general"], page_size=10)
    token = issued(query)
    query.page_token, query.page_size = token, 50
    assert within(CASES, query, decode_page_token, token) == {"after": 7}


def test_without_a_token_the_list_begins() -> None:
    assert decode_page_token("") == {}


def test_a_token_of_another_query_is_refused() -> None:
    token = issued(review_pb2.ListCasesRequest(domains=["general"]))
    with pytest.raises(PageTokenInvalid):
        within(CASES, review_pb2.ListCasesRequest(domains=["spiritual"]), decode_page_token, token)


def test_a_token_of_another_list_is_refused() -> None:
    token = issued(review_pb2.ListCasesRequest())
    with pytest.raises(PageTokenInvalid):
        within(USERS, identity_pb2.ListUsersRequest(), decode_page_token, token)


@pytest.mark.parametrize(
    "token",
    ["!", "é", "x" * 1000, base64.urlsafe_b64encode(b"[1]").decode(), base64.urlsafe_b64encode(b"[" * 700).decode()],
    ids=["sign", "letter", "noise", "list", "nested"],
)
def test_what_no_list_issued_is_refused_and_names_the_field(token: str) -> None:
    with pytest.raises(PageTokenInvalid) as refusal:
        decode_page_token(token)
    assert [violation.field for violation in refusal.value.violations] == ["page_token"]
