"""Writes what `shodhana rpc` needs to know of the contracts: services, methods, fields, an example of each call.

A step of `tools/generate.py`, which compares or copies what it writes. With it the tool answers --help without gRPC.
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

from buf.validate import validate_pb2
from google.api import field_behavior_pb2
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor, MethodDescriptor, ServiceDescriptor
from openapi_schema import INTEGERS_32, INTEGERS_64, Comments, Json
from shodhana_client.services import SERVICES

FIELD_BEHAVIOR: Any = field_behavior_pb2.field_behavior  # its stub has a type that extensions do not take
SAMPLES: dict[str, Any] = {"integer": 1, "number": 0.9, "flag": True, "bytes": "…", "text": "…"}
Kind = FieldDescriptor


def generate_client(image: Path, target: Path) -> None:
    """Writes the methods that take one request, from a descriptor set with comments."""
    descriptors = descriptor_pb2.FileDescriptorSet.FromString(image.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in descriptors.file:
        pool.Add(file)
    comments = Comments(descriptors)
    services = {name: service(name, pool.FindServiceByName(full), comments) for name, full in SERVICES.items()}
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(services, ensure_ascii=False, indent=1) + "\n")


def service(name: str, found: ServiceDescriptor, comments: Comments) -> Json:
    methods = (method for method in found.methods if not method.client_streaming)
    described = {dashed(method.name): described_method(name, method, comments) for method in methods}
    return {"help": comments.of(found.full_name), "methods": described}


def described_method(service_name: str, method: MethodDescriptor, comments: Comments) -> Json:
    fields = [described_field(field, comments) for field in method.input_type.fields]
    words = [word for field in method.input_type.fields for word in sample(field)]
    example = f"shodhana rpc {service_name} {dashed(method.name)} {' '.join(words)}".strip()
    found = {"name": method.name, "help": comments.of(method.full_name), "example": example, "fields": fields}
    return found | described_answer(method)


def described_answer(method: MethodDescriptor) -> Json:
    """The fields of an answer; of a page also which of them holds its items, and theirs."""
    answer = method.output_type
    found: Json = {"answer_fields": [field.name for field in answer.fields]}
    items = [field for field in answer.fields if field.is_repeated and field.message_type is not None]
    if "next_page_token" in answer.fields_by_name and len(items) == 1:
        assert items[0].message_type is not None
        found |= {"items": items[0].name, "item_fields": [field.name for field in items[0].message_type.fields]}
    return found


def described_field(field: FieldDescriptor, comments: Comments) -> Json:
    found: Json = {"name": field.name, "kind": kind_of(field), "repeated": field.is_repeated}
    found |= {"required": is_required(field), "help": comments.of(field.full_name)}
    if field.enum_type is not None:
        names = [value.name for value in field.enum_type.values]
        found |= {"values": names[1:], "prefix": common_prefix(field.enum_type)}
    return found


def kind_of(field: FieldDescriptor) -> str:
    """How the tool reads a value: text, integer, number, flag, enum, bytes, or a message as JSON."""
    if field.message_type is not None:
        return "text" if field.message_type.full_name.startswith("google.protobuf.") else "message"
    if field.enum_type is not None:
        return "enum"
    if field.type in INTEGERS_32 | INTEGERS_64:
        return "integer"
    others = {Kind.TYPE_STRING: "text", Kind.TYPE_BYTES: "bytes", Kind.TYPE_BOOL: "flag"}
    return others.get(field.type, "number")


def is_required(field: FieldDescriptor) -> bool:
    return field_behavior_pb2.REQUIRED in field.GetOptions().Extensions[FIELD_BEHAVIOR]


def sample(field: FieldDescriptor) -> list[str]:
    """Flag and value of a required field; nothing for a request id, which the tool makes itself."""
    if not is_required(field) or field.name == "request_id":
        return []
    flag = f"--{field.name.replace('_', '-')}"
    if kind_of(field) == "flag":
        return [flag]
    if kind_of(field) == "bytes":
        return [flag, "@FILE"]
    if field.enum_type is not None:
        return [flag, str(value_of(field)).removeprefix(common_prefix(field.enum_type)).lower()]
    value = value_of(field)
    return [flag, shlex.quote(json.dumps(value, ensure_ascii=False) if kind_of(field) == "message" else str(value))]


def value_of(field: FieldDescriptor) -> Any:
    """A value for one item of a field, as JSON; a message with what it requires."""
    kind = kind_of(field)
    if kind == "message":
        assert field.message_type is not None
        inner = [part for part in field.message_type.fields if is_required(part)]
        return {part.name: [value_of(part)] if part.is_repeated else value_of(part) for part in inner}
    if field.enum_type is not None:
        return field.enum_type.values[1].name
    pattern = field.GetOptions().Extensions[validate_pb2.field].string.pattern
    return sample_of(pattern) if pattern else SAMPLES[kind]


def sample_of(pattern: str) -> str:
    """A text that a pattern of a resource name matches: "^jobs/[0-9]{1,18}$" → "jobs/1"."""
    text = re.sub(r"\(([^|()]*)\|[^()]*\)", r"\1", pattern.strip("^$"))
    text = re.sub(r"\[\^/\](\{[^}]*\}|\+)?", "…", text)
    text = re.sub(r"\[0-9\](\{[^}]*\}|\+)?", "1", text)
    return re.sub(r"\[[^\]]*\](\{[^}]*\}|[+*])?", "…", text).replace("……", "…")


def common_prefix(enum: EnumDescriptor) -> str:
    """What the names of an enum's values begin with: "JOB_STATE_"."""
    return enum.values[0].name.removesuffix("UNSPECIFIED")


def dashed(name: str) -> str:
    """ "ClaimCases" → "claim-cases"."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
