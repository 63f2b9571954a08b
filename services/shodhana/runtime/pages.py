"""Opaque page tokens."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from shodhana.errors import FieldViolation, InvalidInput


class PageTokenInvalid(InvalidInput):
    """The token was not issued by this list, or for another query."""

    reason = "PAGE_TOKEN_INVALID"

    def __init__(self) -> None:
        message = "the page token was not issued by this list"
        super().__init__(message, [FieldViolation("page_token", message)])


def encode_page_token(position: Mapping[str, Any]) -> str:
    """A token for a position in a list."""
    return base64.urlsafe_b64encode(json.dumps(position, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_page_token(token: str) -> dict[str, Any]:
    """The position; empty for the first page. Raises PageTokenInvalid."""
    if not token:
        return {}
    try:
        position = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, binascii.Error) as error:
        raise PageTokenInvalid from error
    if not isinstance(position, dict):
        raise PageTokenInvalid
    return position
