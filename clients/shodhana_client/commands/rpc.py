"""`shodhana rpc SERVICE METHOD`."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from google.protobuf.message_factory import GetMessageClass

from ..client import methods_of
from ..selection import asked_fields
from ..services import SERVICES
from ..terminal import print_json
from .session import EXIT_OK, connected


def request_of(service: str, method_name: str, document: dict[str, Any]) -> Any:
    """The request that JSON describes; a missing `request_id` is made. Raises ValueError."""
    kind = _method(service, method_name).input_type
    if "request_id" in kind.fields_by_name and not document.get("request_id"):
        document = {**document, "request_id": str(uuid.uuid4())}
    try:
        return json_format.ParseDict(document, GetMessageClass(kind)())
    except json_format.ParseError as error:
        raise ValueError(str(error)) from error


def call(service: str, method_name: str, request: Any, items: str, profile: Path | None) -> int:
    """Calls, and prints each answer as JSON; of a page the fields of its `items` where these are asked for."""
    with connected(profile) as client:
        send = getattr(getattr(client, service), method_name)
        for answer in send(request) if _method(service, method_name).server_streaming else [send(request)]:
            document = json_format.MessageToDict(answer, preserving_proto_field_name=True)
            print_json(items_of(document, items), flush=True)
    return EXIT_OK


def items_of(document: dict[str, Any], items: str) -> Any:
    """The items of a page where fields are asked for that are theirs; else the whole of it."""
    fields = asked_fields()
    are_theirs = items and fields and not set(fields) <= {items, "next_page_token", "total_size"}
    return document.get(items, []) if are_theirs else document


def _method(service: str, name: str) -> Any:
    return next(method for method in methods_of(SERVICES[service]) if method.name == name)
