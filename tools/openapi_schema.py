"""JSON Schemas of protobuf messages: their JSON mapping, with the limits of their protovalidate rules."""

from __future__ import annotations

import math
from typing import Any

from buf.validate import validate_pb2
from google.api import field_behavior_pb2
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

Json = dict[str, Any]
FIELD_BEHAVIOR: Any = field_behavior_pb2.field_behavior  # its stub has a type that extensions do not take
Kind = FieldDescriptor
INTEGERS_64 = {Kind.TYPE_INT64, Kind.TYPE_UINT64, Kind.TYPE_SINT64, Kind.TYPE_FIXED64, Kind.TYPE_SFIXED64}
INTEGERS_32 = {Kind.TYPE_INT32, Kind.TYPE_UINT32, Kind.TYPE_SINT32, Kind.TYPE_FIXED32, Kind.TYPE_SFIXED32}
OWN_JSON: dict[str, Json] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$"},
    "google.protobuf.FieldMask": {"type": "string", "description": "Comma-separated field names."},
    "google.protobuf.Any": {
        "type": "object",
        "properties": {"@type": {"type": "string"}},
        "required": ["@type"],
        "additionalProperties": True,
    },
}
NUMBER_LIMITS = {"gte": "minimum", "lte": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}
_MESSAGE, _ENUM_TYPE, _SERVICE = 4, 5, 6  # field numbers of FileDescriptorProto, of which source paths are made
_FIELD, _METHOD = 2, 2
_NESTED, _NESTED_ENUM = 3, 4


class Comments:
    """The leading comments of a descriptor set, by full name."""

    def __init__(self, descriptors: descriptor_pb2.FileDescriptorSet) -> None:
        self._texts: dict[str, str] = {}
        for file in descriptors.file:
            leading = {tuple(place.path): place.leading_comments for place in file.source_code_info.location}
            for index, service in enumerate(file.service):
                self._note(leading, (_SERVICE, index), f"{file.package}.{service.name}", service.method, _METHOD)
            for index, enum in enumerate(file.enum_type):
                self._note_enum(leading, (_ENUM_TYPE, index), f"{file.package}.{enum.name}", enum)
            for index, message in enumerate(file.message_type):
                self._note_message(leading, (_MESSAGE, index), f"{file.package}.{message.name}", message)

    def of(self, full_name: str) -> str:
        """The comment in one line; empty where there is none."""
        return self._texts.get(full_name, "")

    def _note(self, leading: Any, path: tuple[int, ...], name: str, members: Any, number: int) -> None:
        self._texts[name] = " ".join(leading.get(path, "").split())
        for index, member in enumerate(members):
            self._texts[f"{name}.{member.name}"] = " ".join(leading.get((*path, number, index), "").split())

    def _note_enum(self, leading: Any, path: tuple[int, ...], name: str, enum: Any) -> None:
        self._note(leading, path, name, enum.value, _FIELD)

    def _note_message(self, leading: Any, path: tuple[int, ...], name: str, message: Any) -> None:
        self._note(leading, path, name, message.field, _FIELD)
        for index, nested in enumerate(message.nested_type):
            self._note_message(leading, (*path, _NESTED, index), f"{name}.{nested.name}", nested)
        for index, enum in enumerate(message.enum_type):
            self._note_enum(leading, (*path, _NESTED_ENUM, index), f"{name}.{enum.name}", enum)


class Schemas:
    """Turns messages into schemas and collects those that others refer to."""

    def __init__(self, comments: Comments) -> None:
        self.components: dict[str, Json] = {}
        self._comments = comments

    def reference(self, message: Descriptor | None) -> Json:
        """A reference to the message's schema, which joins the components."""
        assert message is not None, "only fields that hold messages are referred to"
        if message.full_name in OWN_JSON:
            return dict(OWN_JSON[message.full_name])
        name = component_name(message.full_name)
        if name not in self.components:
            self.components[name] = {}  # a message may hold itself
            self.components[name] = self.of_message(message)
        return {"$ref": f"#/components/schemas/{name}"}

    def of_message(self, message: Descriptor, without: set[str] | None = None) -> Json:
        """The schema of a message, `without` the fields that stand elsewhere."""
        fields = [field for field in message.fields if field.name not in (without or set())]
        required = [field.json_name for field in fields if self.is_required(field)]
        return {
            "type": "object",
            "description": self._comments.of(message.full_name),
            "properties": {field.json_name: self.of_field(field) for field in fields},
            **({"required": required} if required else {}),
            "additionalProperties": False,
        }

    def of_field(self, field: FieldDescriptor) -> Json:
        """The schema of a field's values, with its comment."""
        rules = field.GetOptions().Extensions[validate_pb2.field]
        entry = field.message_type
        if entry is not None and entry.GetOptions().map_entry:
            value = entry.fields_by_name["value"]
            schema: Json = {"type": "object", "additionalProperties": self._of_value(value, validate_pb2.FieldRules())}
        elif field.is_repeated:
            schema = {"type": "array", "items": self._of_value(field, rules.repeated.items), **item_limits(rules)}
        else:
            schema = self._of_value(field, rules)
        behaviors = field.GetOptions().Extensions[FIELD_BEHAVIOR]
        if field_behavior_pb2.OUTPUT_ONLY in behaviors:
            schema["readOnly"] = True
        text = self._comments.of(field.full_name)
        return {**schema, "description": text} if text else schema

    def is_scalar(self, message: Descriptor) -> bool:
        """Whether its JSON is one value, so that it may stand in a query."""
        return OWN_JSON.get(message.full_name, {}).get("type") == "string"

    def is_required(self, field: FieldDescriptor) -> bool:
        return field_behavior_pb2.REQUIRED in field.GetOptions().Extensions[FIELD_BEHAVIOR]

    def _of_value(self, field: FieldDescriptor, rules: validate_pb2.FieldRules) -> Json:
        if field.message_type is not None:
            return self.reference(field.message_type)
        if field.enum_type is not None:
            return self._enum(field.enum_type, rules)
        return scalar(field.type, rules)

    def _enum(self, enum: EnumDescriptor, rules: validate_pb2.FieldRules) -> Json:
        allowed = set(getattr(rules.enum, "in"))
        names = [value.name for value in enum.values if not allowed or value.number in allowed]
        name = component_name(enum.full_name)
        texts = [f"`{value.name}`: {self._comments.of(f'{enum.full_name}.{value.name}')}" for value in enum.values]
        text = "\n".join([self._comments.of(enum.full_name), *texts])
        self.components[name] = {
            "type": "string",
            "enum": [value.name for value in enum.values],
            "description": text,
        }
        return {"type": "string", "enum": names} if allowed else {"$ref": f"#/components/schemas/{name}"}


def scalar(kind: int, rules: validate_pb2.FieldRules) -> Json:
    """The JSON of a number, text, flag or bytes; 64-bit integers are text, since JavaScript would round them."""
    if kind == Kind.TYPE_STRING:
        return {"type": "string", **string_limits(rules)}
    if kind == Kind.TYPE_BYTES:
        return {"type": "string", "contentEncoding": "base64", **byte_limits(rules)}
    if kind == Kind.TYPE_BOOL:
        return {"type": "boolean"}
    if kind in INTEGERS_64:
        return {"type": "string", "format": "int64", "pattern": "^-?[0-9]{1,19}$"}
    if kind in INTEGERS_32:
        return {"type": "integer", "format": "int32", **number_limits(rules)}
    return {"type": "number", "format": "double", **number_limits(rules)}


def component_name(full_name: str) -> str:
    """ "shodhana.api.review.v1.ReviewCase" → "review.v1.ReviewCase"."""
    return full_name.removeprefix("shodhana.api.")


def string_limits(rules: validate_pb2.FieldRules) -> Json:
    text = rules.string
    limits: Json = {}
    if text.HasField("min_len"):
        limits["minLength"] = text.min_len
    if text.HasField("max_len"):
        limits["maxLength"] = text.max_len
    if text.HasField("pattern"):
        limits["pattern"] = text.pattern
    if getattr(text, "in"):
        limits["enum"] = list(getattr(text, "in"))
    known = "uuid" if text.uuid else "email" if text.email else None
    if known and rules.ignore == validate_pb2.IGNORE_IF_ZERO_VALUE:
        limits["anyOf"] = [{"format": known}, {"maxLength": 0}]
    elif known:
        limits["format"] = known
    return limits


def byte_limits(rules: validate_pb2.FieldRules) -> Json:
    """Lengths of the Base64 text."""
    limits: Json = {}
    if rules.bytes.HasField("min_len"):
        limits["minLength"] = 4 * math.ceil(rules.bytes.min_len / 3)
    if rules.bytes.HasField("max_len"):
        limits["maxLength"] = 4 * math.ceil(rules.bytes.max_len / 3)
    return limits


def number_limits(rules: validate_pb2.FieldRules) -> Json:
    kind = rules.WhichOneof("type")
    if kind is None:
        return {}
    numbers = getattr(rules, kind)
    return {limit: getattr(numbers, name) for name, limit in NUMBER_LIMITS.items() if numbers.HasField(name)}


def item_limits(rules: validate_pb2.FieldRules) -> Json:
    limits: Json = {}
    if rules.repeated.HasField("min_items"):
        limits["minItems"] = rules.repeated.min_items
    if rules.repeated.HasField("max_items"):
        limits["maxItems"] = rules.repeated.max_items
    if rules.repeated.unique:
        limits["uniqueItems"] = True
    return limits
