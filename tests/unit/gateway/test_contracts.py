"""What holds of every RPC, and of the files generated from them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor
from shodhana.api.errors.v1 import error_reason_pb2
from shodhana.stack.gateway.contracts import Rpc, read_descriptors, rpcs_of
from shodhana.stack.gateway.replies import STATUSES
from shodhana.stack.gateway_config import SERVICES
from shodhana.stack.places import GATEWAY

DESCRIPTORS = read_descriptors(GATEWAY / "descriptors.binpb")
RPCS = rpcs_of(DESCRIPTORS)
POOL = descriptor_pool.DescriptorPool()
for file in DESCRIPTORS.file:
    POOL.Add(file)


def policies() -> dict[str, list[str]]:
    """Permission → paths."""
    found = yaml.safe_load((GATEWAY / "rbac.yaml").read_text())["policies"]
    return {
        name: [rule["url_path"]["path"]["exact"] for rule in policy["permissions"][0]["or_rules"]["rules"]]
        for name, policy in found.items()
    }


def test_every_rpc_declares_a_permission() -> None:
    assert len(RPCS) >= 40
    assert [rpc.path for rpc in RPCS if not rpc.permission] == []


def test_only_these_rpcs_are_public() -> None:
    log_in = {"StartDeviceLogin", "RedeemDeviceCode", "RedeemLoginCode", "RefreshLogin", "EndLogin"}
    assert {rpc.name for rpc in RPCS if rpc.permission == "public"} == {"IssueToken", "GetJwks", *log_in}


def test_permissions_are_noun_and_verb() -> None:
    for rpc in RPCS:
        assert rpc.permission in {"public", "authenticated"} or len(rpc.permission.split(":")) == 2, rpc.path


def test_every_rpc_that_streams_no_requests_has_a_rest_binding() -> None:
    assert [rpc.path for rpc in RPCS if not rpc.client_streams and rpc.http is None] == []


def test_no_two_rpcs_share_a_rest_address() -> None:
    addresses = [(rpc.http.verb, rpc.http.path) for rpc in RPCS if rpc.http]
    assert len(addresses) == len(set(addresses))


def test_gets_are_free_of_side_effects() -> None:
    assert [rpc.path for rpc in RPCS if rpc.http and rpc.http.verb == "GET" and not rpc.is_read] == []


def test_every_rpc_belongs_to_a_service_of_the_mesh() -> None:
    assert {rpc.cluster for rpc in RPCS} == set(SERVICES)


@pytest.mark.parametrize("rpc", RPCS, ids=lambda rpc: rpc.path)
def test_each_rpc_stands_under_its_permission_and_no_other(rpc: Rpc) -> None:
    assert [name for name, paths in policies().items() if rpc.path in paths] == [rpc.permission]


def test_no_policy_names_an_rpc_that_does_not_exist() -> None:
    assert {path for paths in policies().values() for path in paths} == {rpc.path for rpc in RPCS}


def test_trap_2_a_stream_says_itself_how_it_ends() -> None:
    streams = [rpc for rpc in RPCS if rpc.server_streams]
    assert len(streams) >= 4
    for rpc in streams:
        service, method = rpc.path.lstrip("/").split("/")
        answer = POOL.FindServiceByName(service).methods_by_name[method].output_type
        (frame,) = answer.oneofs
        assert {"done", "error"} & {field.name for field in frame.fields}, rpc.path


def test_trap_10_the_descriptors_hold_the_types_of_error_details() -> None:
    for name in ("ErrorInfo", "BadRequest", "RetryInfo", "RequestInfo"):
        found = POOL.FindMessageTypeByName(f"google.rpc.{name}")
        assert isinstance(found, Descriptor)
        assert message_factory.GetMessageClass(found)() is not None


def test_the_gateways_own_errors_carry_known_reasons() -> None:
    known = {name.removeprefix("ERROR_REASON_") for name, _ in error_reason_pb2.ErrorReason.items()}
    assert {reason for _, reason in STATUSES.values()} <= known


DOCUMENT = json.loads((GATEWAY / "openapi.json").read_text())
OPERATIONS = {
    operation["operationId"]: (verb.upper(), path, operation)
    for path, item in DOCUMENT["paths"].items()
    for verb, operation in item.items()
}


def test_the_document_holds_every_rest_address_and_no_other() -> None:
    named = {f"{rpc.service.rpartition('.')[2]}_{rpc.name}" for rpc in RPCS if rpc.http}
    assert named | {"health", "ready"} == set(OPERATIONS)


@pytest.mark.parametrize("rpc", [rpc for rpc in RPCS if rpc.http], ids=lambda rpc: rpc.path)
def test_each_operation_takes_every_field_of_its_request_once(rpc: Rpc) -> None:
    assert rpc.http is not None
    verb, path, operation = OPERATIONS[f"{rpc.service.rpartition('.')[2]}_{rpc.name}"]
    assert verb == rpc.http.verb
    assert re.sub(r"\{[^}]*\}", "*", path) == re.sub(r"\{(?:[^}=]*=([^}]*)|[^}]*)\}", r"\1", rpc.http.path)
    in_query = [one["name"].partition(".")[0] for one in operation.get("parameters", ()) if one["in"] == "query"]
    in_path = re.findall(r"\{([^}=.]*)", rpc.http.path)
    taken = {*in_query, *map(camel_case, in_path), *fields_of_body(rpc, operation)}
    request = POOL.FindMessageTypeByName(rpc.request)
    assert taken == {field.json_name for field in request.fields}
    assert not set(in_query) & fields_of_body(rpc, operation)


def fields_of_body(rpc: Rpc, operation: dict[str, Any]) -> set[str]:
    """Of the request, the fields that its body fills."""
    assert rpc.http is not None
    if rpc.http.body not in {"", "*"}:
        return {camel_case(rpc.http.body)}
    if not rpc.http.body:
        return set()
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    name = schema.get("$ref", "").rpartition("/")[2]
    return set((DOCUMENT["components"]["schemas"][name] if name else schema)["properties"])


def camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))
