"""What holds of every contract: comments, limits, permissions, request ids, pages."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from buf.validate import validate_pb2
from google.api import annotations_pb2, field_behavior_pb2
from google.protobuf import descriptor_pb2
from shodhana import api
from shodhana.runtime import contracts
from shodhana.stack.places import PROJECT

PACKAGE = "shodhana.api."
Field = descriptor_pb2.FieldDescriptorProto
NUMBERS = {
    *(Field.TYPE_INT32, Field.TYPE_INT64, Field.TYPE_UINT32, Field.TYPE_UINT64, Field.TYPE_DOUBLE, Field.TYPE_FLOAT)
}
COUNTED_ELSEWHERE = {
    "TranscriptFile.content": "the service answers RESOURCE_EXHAUSTED with reason FILE_TOO_LARGE, before and after gzip"
}

SERVICES = {
    "EmbeddingService": {"Embed", "EmbedStream", "Tokenize", "ListModels"},
    "SimilarityService": {"Search", "BatchSearch"},
    "LexiconService": {"ImportLexicon", "ExportLexicon", "DiffLexiconVersions", "ListLexiconVersions", "ListEntries"},
    "VerseService": {"SearchVerses", "GetVerse", "ListVerses"},
    "QualityService": {"ScoreTranscript", "GetReport", "ListReports", "GetDailyStats"},
    "ReviewService": {
        *("ClaimCases", "HeartbeatCases", "DecideCase", "UndoDecision", "SkipCase", "EscalateCase", "ListCases"),
        *("WatchCases", "GetStatistics"),
    },
    "TranscriptService": {
        *("CorrectTranscript", "CreateJob", "GetJob", "ListJobs", "CancelJob", "WatchJob", "GetResult"),
    },
    "IdentityService": {"IssueToken", "GetJwks"},
    "UserService": {"CreateServiceAccount", "CreateUser", "UpdateUser"},
}


@dataclass(frozen=True)
class Element:
    """A piece of a contract and the comment before it."""

    name: str
    comment: str


@dataclass(frozen=True)
class Rpc:
    """An RPC with the messages it takes and gives."""

    path: str
    method: descriptor_pb2.MethodDescriptorProto
    request: descriptor_pb2.DescriptorProto
    response: descriptor_pb2.DescriptorProto


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[descriptor_pb2.FileDescriptorProto]:
    """Every contract of the project, comments included, as the compiler reads it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(PROJECT / "tools"))
        generate = importlib.import_module("generate")
        image = generate.build_image(PROJECT / "protos", tmp_path_factory.mktemp("image")).read_bytes()
    found = descriptor_pb2.FileDescriptorSet.FromString(image).file
    return [file for file in found if file.package.startswith(PACKAGE)]


@pytest.fixture(scope="module")
def messages(files: list[descriptor_pb2.FileDescriptorProto]) -> dict[str, descriptor_pb2.DescriptorProto]:
    return {f".{file.package}.{message.name}": message for file in files for message in file.message_type}


@pytest.fixture(scope="module")
def rpcs(files: list[descriptor_pb2.FileDescriptorProto], messages: dict[str, Any]) -> list[Rpc]:
    return [
        Rpc(
            f"/{file.package}.{service.name}/{method.name}",
            method,
            messages[method.input_type],
            messages[method.output_type],
        )
        for file in files
        for service in file.service
        for method in service.method
    ]


def elements(file: descriptor_pb2.FileDescriptorProto) -> Iterator[Element]:
    comments = {tuple(place.path): place.leading_comments.strip() for place in file.source_code_info.location}

    def element(name: str, *path: int) -> Element:
        return Element(f"{file.package}.{name}", comments.get(path, ""))

    for i, service in enumerate(file.service):
        yield element(service.name, 6, i)
        yield from (element(f"{service.name}.{rpc.name}", 6, i, 2, j) for j, rpc in enumerate(service.method))
    for i, message in enumerate(file.message_type):
        assert not message.nested_type, f"{message.name}: messages lie side by side"
        yield element(message.name, 4, i)
        yield from (element(f"{message.name}.{field.name}", 4, i, 2, j) for j, field in enumerate(message.field))
        oneofs = [(j, oneof) for j, oneof in enumerate(message.oneof_decl) if not oneof.name.startswith("_")]
        yield from (element(f"{message.name}.{oneof.name}", 4, i, 8, j) for j, oneof in oneofs)
    for i, enum in enumerate(file.enum_type):
        yield element(enum.name, 5, i)
        yield from (element(f"{enum.name}.{value.name}", 5, i, 2, j) for j, value in enumerate(enum.value))


def rules_of(field: Field) -> Any:
    return field.options.Extensions[validate_pb2.field]


def given_by_callers(messages: dict[str, Any], rpcs: list[Rpc]) -> Iterator[tuple[str, Field]]:
    """Every field a caller can fill, in requests and what they hold."""
    waiting, seen = [rpc.method.input_type for rpc in rpcs], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in messages:
            continue
        seen.add(name)
        for field in messages[name].field:
            behavior = field.options.Extensions[field_behavior_pb2.field_behavior]
            if field_behavior_pb2.OUTPUT_ONLY not in behavior:
                waiting.append(field.type_name)
                yield f"{messages[name].name}.{field.name}", field


def test_everything_is_commented(files: list[descriptor_pb2.FileDescriptorProto]) -> None:
    found = [element for file in files for element in elements(file)]
    assert len(found) > 500
    assert [element.name for element in found if not element.comment] == []


def test_no_file_of_the_contracts_is_missing_here(files: list[descriptor_pb2.FileDescriptorProto]) -> None:
    modules = [module.name for module in pkgutil.walk_packages(api.__path__, PACKAGE) if module.name.endswith("_pb2")]
    assert {f"{file.name.removesuffix('.proto').replace('/', '.')}_pb2" for file in files} == set(modules)
    assert {module.split(".")[2] for module in modules} == {
        *("embedding", "similarity", "quality", "review", "transcripts", "identity", "options", "errors", "gateway")
    }


def test_each_service_answers_what_the_mesh_is_built_of(rpcs: list[Rpc]) -> None:
    found: dict[str, set[str]] = {}
    for rpc in rpcs:
        service, _, name = rpc.path.rpartition("/")
        found.setdefault(service.rpartition(".")[2], set()).add(name)
    for service, names in SERVICES.items():
        assert names <= found[service], service


def test_every_rpc_declares_a_permission_that_the_runtime_finds(rpcs: list[Rpc]) -> None:
    for module in pkgutil.walk_packages(api.__path__, PACKAGE):
        importlib.import_module(module.name)
    assert len(rpcs) >= 40
    assert [rpc.path for rpc in rpcs if not contracts.permission_of(rpc.path)] == []


def test_what_is_not_declared_is_nobodys() -> None:
    assert contracts.permission_of("/shodhana.api.identity.v1.UserService/Nothing") is None
    assert contracts.permission_of("/a.B/C") is None


def test_every_rpc_but_those_that_stream_requests_has_a_rest_binding(rpcs: list[Rpc]) -> None:
    without = [rpc.path for rpc in rpcs if not rpc.method.options.HasExtension(annotations_pb2.http)]
    assert without == [rpc.path for rpc in rpcs if rpc.method.client_streaming]


def test_every_write_takes_a_request_id_or_is_safe_to_repeat(rpcs: list[Rpc]) -> None:
    writes = [rpc for rpc in rpcs if not contracts.is_repeatable(rpc.path) and not rpc.method.client_streaming]
    without = [rpc.path for rpc in writes if "request_id" not in {field.name for field in rpc.request.field}]
    assert len(writes) >= 10
    assert {path.rpartition("/")[2] for path in without} == {"RedeemDeviceCode", "RedeemLoginCode"}  # a code holds once


def test_request_ids_are_uuids_and_optional(rpcs: list[Rpc]) -> None:
    for rpc in rpcs:
        for field in rpc.request.field:
            if field.name == "request_id":
                behavior = field.options.Extensions[field_behavior_pb2.field_behavior]
                assert rules_of(field).string.uuid, rpc.path
                assert list(behavior) in ([field_behavior_pb2.OPTIONAL], [field_behavior_pb2.REQUIRED]), rpc.path


def test_every_list_has_pages(rpcs: list[Rpc]) -> None:
    lists = [rpc for rpc in rpcs if rpc.method.name.startswith("List")]
    assert len(lists) >= 8
    for rpc in lists:
        assert {"page_size", "page_token"} <= {field.name for field in rpc.request.field}, rpc.path
        assert "next_page_token" in {field.name for field in rpc.response.field}, rpc.path


def test_every_field_a_caller_fills_says_whether_it_must(messages: dict[str, Any], rpcs: list[Rpc]) -> None:
    given = list(given_by_callers(messages, rpcs))
    assert len(given) > 100
    assert [n for n, field in given if not field.options.Extensions[field_behavior_pb2.field_behavior]] == []


def limited(field: Field) -> bool:
    """Whether the rules bound what the field can hold."""
    rules = rules_of(field)
    repeated = field.label == Field.LABEL_REPEATED
    one = rules.repeated.items if repeated else rules
    checks: dict[Any, Callable[[], bool]] = {
        Field.TYPE_STRING: lambda: any(
            (one.string.max_len, one.string.pattern, one.string.WhichOneof("well_known"), getattr(one.string, "in"))
        ),
        Field.TYPE_BYTES: lambda: bool(one.bytes.max_len),
        Field.TYPE_ENUM: lambda: bool(one.enum.defined_only or getattr(one.enum, "in")),
        **dict.fromkeys(NUMBERS, lambda: one.WhichOneof("type") is not None),
    }
    return checks.get(field.type, lambda: True)() and (not repeated or bool(rules.repeated.max_items))


def test_every_field_a_caller_fills_has_a_limit(messages: dict[str, Any], rpcs: list[Rpc]) -> None:
    without = {name for name, field in given_by_callers(messages, rpcs) if not limited(field)}
    assert without == set(COUNTED_ELSEWHERE)


def test_comments_tell_the_limits(
    files: list[descriptor_pb2.FileDescriptorProto], messages: dict[str, Any], rpcs: list[Rpc]
) -> None:
    comments = {element.name.split(".v1.")[1]: element.comment for file in files for element in elements(file)}
    counted = [name for name, field in given_by_callers(messages, rpcs) if is_counted(field)]
    assert len(counted) > 50
    assert [name for name in counted if not re.search(r"\d", comments[name])] == []


def is_counted(field: Field) -> bool:
    rules = rules_of(field)
    return field.type in NUMBERS or bool(rules.repeated.max_items or rules.string.max_len)


def test_the_checks_would_find_a_gap() -> None:
    bare = Field(name="text", type=Field.TYPE_STRING, label=Field.LABEL_OPTIONAL)
    assert not limited(bare)
    file = descriptor_pb2.FileDescriptorProto(package="a", message_type=[{"name": "M", "field": [bare]}])
    assert [element.comment for element in elements(file)] == ["", ""]


def test_the_image_is_made_of_the_files_in_the_tree(files: list[descriptor_pb2.FileDescriptorProto]) -> None:
    in_tree = {str(path.relative_to(PROJECT / "protos")) for path in Path(PROJECT / "protos").rglob("*.proto")}
    assert {file.name for file in files} == in_tree
