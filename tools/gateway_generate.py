"""Writes what the gateway needs to know of the contracts: descriptors, permissions, field names, OpenAPI.

A step of `tools/generate.py`, which compares or copies what it writes.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from openapi import OpenApiDocument
from path_templates import lua_pattern
from shodhana.stack.gateway.contracts import Rpc, rpcs_of

GENERATED = ("descriptors.binpb", "rbac.yaml", "rest_tables.lua", "openapi.json")
NOTICE = "Generated from the contracts by tools/generate.py; do not edit."
Rows = dict[str, list[tuple[str, str]]]
"""By verb: a Lua pattern of paths, and what belongs to it."""
PUBLIC, AUTHENTICATED = "public", "authenticated"


def generate_gateway(image: Path, folder: Path) -> None:
    """Writes GENERATED into `folder`, from a descriptor set with comments."""
    commented = descriptor_pb2.FileDescriptorSet.FromString(image.read_bytes())
    folder.mkdir(parents=True, exist_ok=True)
    openapi = OpenApiDocument(commented).build()
    (folder / "openapi.json").write_text(json.dumps(openapi, indent=1, ensure_ascii=False) + "\n")
    plain = without_comments(commented)
    (folder / "descriptors.binpb").write_bytes(plain.SerializeToString(deterministic=True))
    rpcs = rpcs_of(plain)
    (folder / "rbac.yaml").write_text(f"# {NOTICE}\n" + yaml.safe_dump(rbac(rpcs), sort_keys=False, width=120))
    (folder / "rest_tables.lua").write_text(f"-- {NOTICE}\n" + rest_tables(plain, rpcs))


def without_comments(commented: descriptor_pb2.FileDescriptorSet) -> descriptor_pb2.FileDescriptorSet:
    plain = descriptor_pb2.FileDescriptorSet()
    plain.CopyFrom(commented)
    for file in plain.file:
        file.ClearField("source_code_info")
    return plain


def rbac(rpcs: list[Rpc]) -> dict[str, Any]:
    """Envoy's RBAC policies: one a permission, over the RPCs that declare it. An RPC that declares none is in none."""
    by_permission: dict[str, list[Rpc]] = defaultdict(list)
    for rpc in rpcs:
        if rpc.permission:
            by_permission[rpc.permission].append(rpc)
    return {"policies": {name: policy(name, by_permission[name]) for name in sorted(by_permission)}}


def policy(permission: str, rpcs: list[Rpc]) -> dict[str, Any]:
    paths = [{"url_path": {"path": {"exact": rpc.path}}} for rpc in rpcs]
    return {"permissions": [{"or_rules": {"rules": paths}}], "principals": [principal(permission)]}


def principal(permission: str) -> dict[str, Any]:
    """Who holds a permission, by the verified claims; "authenticated" is anyone with a verified `sub`."""
    if permission == PUBLIC:
        return {"any": True}
    present = {"string_match": {"safe_regex": {"regex": ".+"}}}
    held = {"list_match": {"one_of": {"string_match": {"exact": permission}}}}
    claim, value = ("sub", present) if permission == AUTHENTICATED else ("permissions", held)
    matcher = {
        "filter": "envoy.filters.http.jwt_authn",
        "path": [{"key": "claims"}, {"key": claim}],
        "value": value,
    }
    return {"sourced_metadata": {"metadata_source": "DYNAMIC", "metadata_matcher": matcher}}


def rest_tables(descriptors: descriptor_pb2.FileDescriptorSet, rpcs: list[Rpc]) -> str:
    """MESSAGES, CALLS and STREAMS for gateway/rest.lua."""
    pool = descriptor_pool.DescriptorPool()
    for file in descriptors.file:
        pool.Add(file)
    calls: Rows = defaultdict(list)
    roots: list[Descriptor] = []
    for rpc in rpcs:
        if rpc.http is None or not rpc.http.body:
            continue
        message = pool.FindMessageTypeByName(rpc.request)
        if rpc.http.body != "*":
            message = checked_message(message.fields_by_name[rpc.http.body]) or message
        roots.append(message)
        calls[rpc.http.verb].append((lua_pattern(rpc.http.path), message.full_name))
    streams: Rows = defaultdict(list)
    for rpc in rpcs:
        if rpc.http is not None and rpc.server_streams:
            streams[rpc.http.verb].append((lua_pattern(rpc.http.path), rpc.path))
    return "".join([*messages_table(roots), *path_table("CALLS", calls), *path_table("STREAMS", streams)])


def messages_table(roots: list[Descriptor]) -> Iterator[str]:
    """`MESSAGES[message][field]` is the name of a message, or true where the value has no fields to check."""
    yield "local MESSAGES = {\n"
    for message in sorted(reachable(roots), key=lambda found: found.full_name):
        yield f'  ["{message.full_name}"] = {{\n'
        for field in message.fields:
            for name in sorted({field.name, field.json_name}):
                yield f'    ["{name}"] = {field_kind(field)},\n'
        yield "  },\n"
    yield "}\n"


def path_table(name: str, rows: Rows) -> Iterator[str]:
    """`CALLS[verb]` and `STREAMS[verb]` list path patterns with the message in the body, and with the RPC."""
    yield f"local {name} = {{\n"
    for verb in sorted(rows):
        yield f"  {verb} = {{\n"
        for pattern, value in rows[verb]:
            yield f'    {{ "{pattern}", "{value}" }},\n'
        yield "  },\n"
    yield "}\n"


def reachable(roots: list[Descriptor]) -> set[Descriptor]:
    found: set[Descriptor] = set()
    waiting = list(roots)
    while waiting:
        message = waiting.pop()
        if message in found:
            continue
        found.add(message)
        waiting.extend(kind for field in message.fields if (kind := checked_message(field)) is not None)
    return found


def checked_message(field: FieldDescriptor) -> Descriptor | None:
    """The message whose fields a value of `field` must have; None for scalars, maps and types with their own JSON."""
    message = field.message_type
    if message is None or message.GetOptions().map_entry or message.full_name.startswith("google.protobuf."):
        return None
    return message


def field_kind(field: FieldDescriptor) -> str:
    message = checked_message(field)
    return "true" if message is None else f'"{message.full_name}"'
