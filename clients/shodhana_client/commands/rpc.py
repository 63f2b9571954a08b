"""`shodhana rpc SERVICE METHOD`."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from google.protobuf.message_factory import GetMessageClass

from ..client import methods_of
from ..services import SERVICES
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


def call(service: str, method_name: str, request: Any, profile: Path | None) -> int:
    """Calls, and prints each answer as JSON."""
    with connected(profile) as client:
        send = getattr(getattr(client, service), method_name)
        for answer in send(request) if _method(service, method_name).server_streaming else [send(request)]:
            print(json_format.MessageToJson(answer, preserving_proto_field_name=True, ensure_ascii=False), flush=True)
    return EXIT_OK


def _method(service: str, name: str) -> Any:
    return next(method for method in methods_of(SERVICES[service]) if method.name == name)
