"""`shodhana rpc`: commands made from the contracts. `rpc_help.json` is generated with them."""

from __future__ import annotations

import json
import re
import sys
import uuid
from importlib.resources import files
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from google.protobuf.message_factory import GetMessageClass

from ..client import STUBS, methods_of
from .session import connected

EXIT_USAGE = 2
HELP = ("-h", "--help")


class Usage(Exception):
    """The words of the command are wrong."""


def call(arguments: list[str]) -> int:
    """Lists services or methods, shows a method's flags, or calls it and prints the answer as JSON."""
    words = [word for word in arguments if word not in HELP]
    try:
        if not words:
            return _list("services", {name: _comment(service) for name, (service, _) in STUBS.items()})
        if words[0] not in STUBS:
            raise Usage(f"no service {words[0]!r}; there are {', '.join(STUBS)}")
        service = STUBS[words[0]][0]
        methods = {_dashed(method.name): method for method in methods_of(service) if not method.client_streaming}
        if len(words) == 1:
            return _list(f"methods of {words[0]}", {name: _comment(m.full_name) for name, m in methods.items()})
        if words[1] not in methods:
            raise Usage(f"no method {words[1]!r}; there are {', '.join(methods)}")
        method = methods[words[1]]
        if len(words) != len(arguments):
            return _describe(words[0], words[1], method)
        request, profile = _request(method, words[2:])
    except (Usage, json_format.ParseError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    return _send(words[0], method, request, profile)


def _send(service: str, method: Any, request: Any, profile: Path | None) -> int:
    with connected(profile) as client:
        function = getattr(getattr(client, service), method.name)
        answers = function(request) if method.server_streaming else [function(request)]
        for answer in answers:
            print(json_format.MessageToJson(answer, preserving_proto_field_name=True, ensure_ascii=False))
    return 0


def _request(method: Any, words: list[str]) -> tuple[Any, Path | None]:
    """The request of `--data JSON` (or @file) and `--field value` pairs; a missing request id is made."""
    fields = method.input_type.fields_by_name
    document: dict[str, Any] = {}
    profile = None
    pairs = [word for part in words for word in (part.split("=", 1) if part.startswith("--") else [part])]
    if len(pairs) % 2:
        raise Usage(f"{pairs[-1]} needs a value")
    for flag, value in zip(pairs[::2], pairs[1::2], strict=True):
        name = flag.removeprefix("--").replace("-", "_")
        if flag == "--data":
            document.update(json.loads(Path(value[1:]).read_text() if value.startswith("@") else value))
        elif flag == "--profile":
            profile = Path(value)
        elif not flag.startswith("--") or name not in fields:
            known = ", ".join(f"--{_dashed(field)}" for field in fields)
            raise Usage(f"no flag {flag}; there are {known}, --data, --profile")
        elif fields[name].is_repeated:
            document.setdefault(name, []).append(_value(fields[name], value))
        else:
            document[name] = _value(fields[name], value)
    if "request_id" in fields and "request_id" not in document:
        document["request_id"] = str(uuid.uuid4())
    return json_format.ParseDict(document, GetMessageClass(method.input_type)()), profile


def _value(field: Any, text: str) -> Any:
    """JSON for messages, numbers and booleans; a file's bytes in base64 for `@file`; else the text."""
    if field.type == field.TYPE_BYTES and text.startswith("@"):
        import base64

        return base64.b64encode(Path(text[1:]).read_bytes()).decode()
    if field.type in (field.TYPE_STRING, field.TYPE_BYTES):
        return text
    if field.type == field.TYPE_ENUM:
        return int(text) if text.isdecimal() else text.upper()
    if field.message_type is not None and field.message_type.full_name.startswith("google.protobuf."):
        return text
    return json.loads(text)


def _describe(service: str, name: str, method: Any) -> int:
    print(f"shodhana rpc {service} {name} [--field value …] [--data JSON|@FILE] [--profile FILE]\n")
    print(_comment(method.full_name))
    for field in method.input_type.fields:
        several = " (repeat for several)" if field.is_repeated else ""
        print(f"  --{_dashed(field.name):<22}{_comment(field.full_name)}{several}")
    return 0


def _list(title: str, rows: dict[str, str]) -> int:
    print(f"{title}:")
    for name, comment in rows.items():
        print(f"  {name:<26}{comment.splitlines()[0] if comment else ''}")
    return 0


def _dashed(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower().replace("_", "-")


def _comment(full_name: str) -> str:
    return str(_comments().get(full_name, ""))


def _comments() -> dict[str, str]:
    return dict(json.loads(files("shodhana_client").joinpath("rpc_help.json").read_text()))
