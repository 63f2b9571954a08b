"""Every input of the corpus, those that once broke a parser among them, through what the fuzzer calls."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).with_name("corpus")
CASES = sorted(path for path in CORPUS.rglob("*") if path.is_file())


def test_every_parser_has_a_corpus() -> None:
    assert {path.parent.name for path in CASES} == set(TARGETS)


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_an_input_is_read_or_refused(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())
