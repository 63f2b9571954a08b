"""Roles allow what the contracts ask for, and no more."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from google.protobuf import descriptor_pool
from shodhana import api
from shodhana.identity.domain.roles import ROLES, RoleUnknown, check_roles, permissions_of
from shodhana.runtime import contracts


def declared() -> set[str]:
    """The permissions that the contracts ask for."""
    found = set()
    for module in pkgutil.walk_packages(api.__path__, f"{api.__name__}."):
        if module.name.endswith("_pb2"):
            for service in importlib.import_module(module.name).DESCRIPTOR.services_by_name.values():
                assert descriptor_pool.Default().FindServiceByName(service.full_name) is service
                paths = (f"/{service.full_name}/{method.name}" for method in service.methods)
                found |= {contracts.permission_of(path) for path in paths}
    return found - {contracts.PUBLIC, contracts.AUTHENTICATED}


def test_each_permission_that_a_contract_asks_for_is_held_by_some_role() -> None:
    held = permissions_of(ROLES)
    assert len(declared()) >= 10
    assert declared() - held == set()


@pytest.mark.parametrize(
    ("role", "permissions"),
    [
        ("expert_linguist", {"reviews:read", "reviews:write", "decisions:create", "cases:assign"}),
        ("admin", {"system:admin", "users:manage", "config:write", "metrics:admin"}),
        ("viewer", {"reports:read", "metrics:view"}),
    ],
)
def test_the_roles_of_people_hold_what_the_specification_gives_them(role: str, permissions: set[str]) -> None:
    assert permissions <= permissions_of([role])


@pytest.mark.parametrize("role", ["viewer", "expert_linguist", "processor"])
def test_only_an_admin_manages_users(role: str) -> None:
    assert "users:manage" not in permissions_of([role])
    assert "system:admin" not in permissions_of([role])


def test_services_hold_nothing_of_people() -> None:
    for role in ROLES:
        if role.startswith("service_"):
            assert not permissions_of([role]) & {"users:manage", "decisions:create", "reviews:write", "system:admin"}


def test_roles_add_up() -> None:
    assert permissions_of(["viewer", "processor"]) == permissions_of(["viewer"]) | permissions_of(["processor"])
    assert permissions_of([]) == frozenset()


def test_roles_are_sorted_and_each_once() -> None:
    assert check_roles(["viewer", "admin", "viewer"]) == ("admin", "viewer")


def test_every_unknown_role_is_named() -> None:
    with pytest.raises(RoleUnknown) as refusal:
        check_roles(["viewer", "emperor", "barber"], "user.roles")
    assert refusal.value.message == "unknown role: barber, emperor"
    assert [violation.field for violation in refusal.value.violations] == ["user.roles", "user.roles"]
