"""Every package that is installed comes with a hash and under a licence that is known."""

from __future__ import annotations

import re
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest
from shodhana.stack.places import PROJECT

sys.path.insert(0, str(PROJECT / "tools"))
from licences import licence_of
from sbom import LISTER, faults_of, python_bill

LOCKS = sorted((PROJECT / "requirements").glob("**/*.txt"))
OVERRIDES = "torch-overrides.txt"
"""Chooses versions for the resolver; nothing is installed from it."""
REQUIREMENT = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>\S+)(?P<rest>(?:.*\\\n)*.*)", re.MULTILINE)


def requirements_of(lock: Path) -> list[tuple[str, str]]:
    """Name and what follows the version, of each."""
    return [(found["name"], found["rest"]) for found in REQUIREMENT.finditer(lock.read_text())]


@pytest.mark.parametrize("lock", [lock for lock in LOCKS if lock.name != OVERRIDES], ids=lambda lock: lock.stem)
def test_every_requirement_has_a_hash(lock: Path) -> None:
    found = requirements_of(lock)
    assert found
    assert [name for name, rest in found if "--hash=sha256:" not in rest] == []
    lines = lock.read_text().splitlines()
    assert [line for line in lines if line[:1].isalnum() and "==" not in line] == []  # no address, no folder


@pytest.mark.parametrize("name", ["stack", "node", "models"])
def test_every_package_that_runs_has_a_known_licence(name: str) -> None:
    lock = PROJECT / "requirements" / f"{name}.txt"
    assert [package for package, _ in requirements_of(lock) if not licence_of(package)] == []


def test_a_package_nobody_knows_has_no_licence() -> None:
    assert licence_of("no-such-package") == ""


def test_nothing_is_installed_that_no_lock_names() -> None:
    locked = {name for lock in LOCKS for name, _ in requirements_of(lock)}
    installed = {re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower() for found in distributions()}
    assert installed - locked - {"shodhana", "pip", "setuptools"} == set()


@pytest.mark.skipif(not LISTER.exists(), reason="no .venv-security: tools/setup_security.sh makes it")
def test_a_bill_names_each_part_with_version_hash_and_licence() -> None:
    lock = PROJECT / "requirements" / "images" / "migrations.txt"
    bill = python_bill(lock)
    assert {component["name"] for component in bill["components"]} == {name for name, _ in requirements_of(lock)}
    assert all(component["version"] and component["purl"] for component in bill["components"])
    assert faults_of(bill) == []
    bill["components"][0].pop("licenses")
    assert faults_of(bill) == [f"{bill['components'][0]['name']} has no known licence"]
