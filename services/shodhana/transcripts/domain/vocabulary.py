"""What is known of terms beyond the lexicon: how common each is in lectures, and which are named together.

Both tables are made by hand, in terms of the glossary: `commonness.tsv` (2: in every other lecture; 1: known to whoever
attends them; all others 0) and `companions.tsv` (classical sets: the six enemies, the limbs of yoga).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

COMMONNESS, COMPANIONS = "commonness.tsv", "companions.tsv"


def commonness_of(term: str) -> int:
    """0 to 2."""
    return _commonness().get(term, 0)


def companions_of(term: str) -> frozenset[str]:
    """The terms that are named together with this one; none for most."""
    return _companions().get(term, frozenset())


def all_companions() -> tuple[str, ...]:
    """Every term that has companions."""
    return tuple(_companions())


@cache
def _commonness() -> Mapping[str, int]:
    return {term: int(row["tier"]) for row in _rows(COMMONNESS) for term in row["terms"].split("|")}


@cache
def _companions() -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for row in _rows(COMPANIONS):
        terms = frozenset(row["terms"].split("|"))
        for term in terms:
            found.setdefault(term, set()).update(terms - {term})
    return {term: frozenset(others) for term, others in found.items()}


def _rows(table: str) -> Iterator[dict[str, str]]:
    text = files(__package__).joinpath(table).read_text(encoding="utf-8")
    yield from csv.DictReader(text.splitlines(), delimiter="\t")
