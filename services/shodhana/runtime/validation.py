"""What every request is held to: the rules of its contract, and texts that do nothing to who shows them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import protovalidate
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from shodhana.errors import FieldViolation, InvalidInput

# All but tab and line ends. On a terminal they move the cursor, set its title, or end what a line began.
CONTROL = re.compile("[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]")


def validate(request: Message) -> None:
    """Raises InvalidInput, which names each field that breaks a rule or holds a control character."""
    found = [
        FieldViolation(_path(violation.proto.field), violation.proto.message)
        for violation in protovalidate.collect_violations(request)
    ]
    found += (
        FieldViolation(path, f"U+{ord(match.group()):04X} CONTROL CHARACTER is not allowed")
        for path, text in _texts(request)
        if (match := CONTROL.search(text))
    )
    if found:
        raise InvalidInput(f"{found[0].field}: {found[0].description}", found)


def _path(field: Any) -> str:
    """`cues[3].text` for a FieldPath."""
    parts = []
    for element in field.elements:
        subscript = element.subscript
        index = f"[{subscript.value}]" if subscript is not None else ""
        parts.append(f"{element.field_name}{index}")
    return ".".join(parts)


def _texts(message: Message, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each string in a message with its path."""
    for field, value in message.ListFields():
        if field.type not in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_MESSAGE):
            continue
        for path, item in _items(f"{prefix}{field.name}", field, value):
            if isinstance(item, str):
                yield path, item
            elif isinstance(item, Message):
                yield from _texts(item, f"{path}.")


def _items(path: str, field: FieldDescriptor, value: Any) -> Iterator[tuple[str, Any]]:
    """One value, or each of a list or of a map."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield f"{path}[{key!r}]", str(key)
            yield f"{path}[{key!r}]", item
    elif field.is_repeated:
        if field.type == FieldDescriptor.TYPE_STRING and not CONTROL.search("".join(value)):
            return  # at once, for there may be thousands
        yield from ((f"{path}[{number}]", item) for number, item in enumerate(value))
    else:
        yield path, value
