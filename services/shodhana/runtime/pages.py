"""Opaque page tokens, each good for the list and the query that it was issued to."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any, TypeVar

from google.protobuf.message import Message

from shodhana.errors import FieldViolation, InvalidInput

T = TypeVar("T")
DEFAULT_PAGE = 20
QUERY = "query"
PAGE_FIELDS = ("page_token", "page_size", "read_mask")
_request: ContextVar[tuple[str, Message] | None] = ContextVar("list_request", default=None)


class PageTokenInvalid(InvalidInput):
    """The token was not issued by this list, or for another query."""

    reason = "PAGE_TOKEN_INVALID"

    def __init__(self) -> None:
        message = "the page token was not issued by this list"
        super().__init__(message, [FieldViolation("page_token", message)])


def begin(method: str, request: Message) -> None:
    """Notes the RPC whose list is asked for: tokens made and read in it are bound to its query."""
    _request.set((method, request))


def encode_page_token(position: Mapping[str, Any]) -> str:
    """A token for a position in a list."""
    content = {**position, QUERY: _query_digest()}
    return base64.urlsafe_b64encode(json.dumps(content, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_page_token(token: str) -> dict[str, Any]:
    """The position; empty for the first page. Raises PageTokenInvalid."""
    if not token:
        return {}
    try:
        position = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise PageTokenInvalid from error
    if not isinstance(position, dict) or position.pop(QUERY, "") != _query_digest():
        raise PageTokenInvalid
    return position


def page_of(items: Sequence[T], size: int, token: str) -> tuple[Sequence[T], str]:
    """The page of a list at hand that the token asks for, and the token of the next. Raises PageTokenInvalid."""
    start = decode_page_token(token).get("start", 0)
    if not isinstance(start, int) or start < 0:
        raise PageTokenInvalid
    end = start + (size or DEFAULT_PAGE)
    return items[start:end], encode_page_token({"start": end}) if end < len(items) else ""


def _query_digest() -> str:
    """Stands for the RPC and all of its request but the page; empty outside an RPC."""
    listing = _request.get()
    if listing is None:
        return ""
    method, request = listing
    query = type(request)()
    query.CopyFrom(request)
    for name in PAGE_FIELDS:
        if name in query.DESCRIPTOR.fields_by_name:
            query.ClearField(name)
    content = method.encode() + query.SerializeToString(deterministic=True)
    return hashlib.blake2b(content, digest_size=6).hexdigest()
