"""The threat model names tests; they are there."""

from __future__ import annotations

import ast
import re

import pytest
from shodhana.stack.places import PROJECT

PAGE = (PROJECT / "docs" / "security.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
ROWS = [line.strip("|").split("|") for line in PAGE.splitlines() if re.match(r"^\| [STRIDE] \|", line)]


def test_every_kind_of_threat_is_thought_of_and_each_has_its_test() -> None:
    assert {row[0].strip() for row in ROWS} == set("STRIDE")
    assert len(ROWS) > 20
    assert [row[1].strip() for row in ROWS if "`tests/" not in row[3]] == []


@pytest.mark.parametrize(("path", "name"), NAMED, ids=lambda part: part.rpartition("/")[2])
def test_a_test_that_is_named_exists(path: str, name: str) -> None:
    tree = ast.parse((PROJECT / path).read_text())
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_test_in_the_page_is_checked() -> None:
    assert len(NAMED) == len(set(re.findall(r"`(tests/[^`]+::[^`]*)`", PAGE)))
