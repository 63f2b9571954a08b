"""What holds of every RPC, and of the files generated from them."""

from __future__ import annotations

import json

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
    assert {rpc.name for rpc in RPCS if rpc.permission == "public"} == {"IssueToken", "GetJwks"}


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


def test_trap_10_the_descriptors_hold_the_types_of_error_details() -> None:
    pool = descriptor_pool.DescriptorPool()
    for file in DESCRIPTORS.file:
        pool.Add(file)
    for name in ("ErrorInfo", "BadRequest", "RetryInfo", "RequestInfo"):
        found = pool.FindMessageTypeByName(f"google.rpc.{name}")
        assert isinstance(found, Descriptor)
        assert message_factory.GetMessageClass(found)() is not None


def test_the_gateways_own_errors_carry_known_reasons() -> None:
    known = {name.removeprefix("ERROR_REASON_") for name, _ in error_reason_pb2.ErrorReason.items()}
    assert {reason for _, reason in STATUSES.values()} <= known


def test_every_rest_address_is_in_the_document() -> None:
    document = json.loads((GATEWAY / "openapi.json").read_text())
    named = {operation["operationId"] for path in document["paths"].values() for operation in path.values()}
    assert {f"{rpc.service.rpartition('.')[2]}_{rpc.name}" for rpc in RPCS if rpc.http} <= named
