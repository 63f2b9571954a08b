"""Attested forms from the data of package `sanskrit-parser`: the forms of the Sanskrit Heritage site, in SQLite.

The package is installed for its data alone, and may be missing. A look-up reads a few pages of the file and takes about
15 µs; a copy in memory would cost each replica 50 MB.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from shodhana.text.transliterate import slp1_of_iast

PACKAGE = "sanskrit_parser"
DATABASE = Path("data", "inria_forms_pos.db")
ASKED = 500  # forms a statement; SQLite takes at most 999 parameters everywhere
MIN_MEMBER = 3  # sounds of a compound's member: shorter forms are found in any word
_CLASS_NASALS = (("N", "[kKgG]"), ("Y", "[cCjJ]"), ("R", "[wWqQ]"), ("n", "[tTdD]"), ("m", "[pPbB]"))
_JOINTS = {  # the vowel in which two members meet, in SLP1
    "A": (("a", "a"), ("a", "A"), ("A", "a"), ("A", "A")),
    "I": (("i", "i"), ("i", "I"), ("I", "i"), ("I", "I")),
    "U": (("u", "u"), ("u", "U"), ("U", "u")),
    "e": (("a", "i"), ("a", "I"), ("A", "i"), ("A", "I")),
    "o": (("a", "u"), ("a", "U"), ("A", "u")),
    "E": (("a", "e"), ("a", "E"), ("A", "e")),
    "O": (("a", "o"), ("a", "O"), ("A", "o")),
}


class InriaForms:
    """The port `AttestedForms` over the file. A compound of two attested forms counts as attested."""

    def __init__(self, path: Path, version: str) -> None:
        self._uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        self.version = version

    def among(self, words: Collection[str]) -> frozenset[str]:
        asked = {word: tuple(_written(slp1_of_iast(word))) for word in words}
        with closing(sqlite3.connect(self._uri, uri=True)) as connection:
            known = _known(connection, {form for written in asked.values() for form in written})
            attested = {word for word, written in asked.items() if not known.isdisjoint(written)}
            compounds = {
                word: [pair for form in written for pair in _members(form)]
                for word, written in asked.items()
                if word not in attested
            }
            known = _known(connection, {form for pairs in compounds.values() for pair in pairs for form in pair})
        attested.update(word for word, pairs in compounds.items() if any(known.issuperset(pair) for pair in pairs))
        return frozenset(attested)


def installed_forms() -> InriaForms | None:
    """The forms, where the package is installed."""
    try:
        spec = find_spec(PACKAGE)
        number = version(PACKAGE)
    except (PackageNotFoundError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / DATABASE
    return InriaForms(path, f"inria {number}") if path.exists() else None


def _known(connection: sqlite3.Connection, forms: Collection[str]) -> set[str]:
    known: set[str] = set()
    ordered = sorted(forms)
    for start in range(0, len(ordered), ASKED):
        part = ordered[start : start + ASKED]
        places = ",".join("?" * len(part))
        known.update(form for (form,) in connection.execute(f"SELECT form FROM forms WHERE form IN ({places})", part))
    return known


def _written(form: str) -> Iterator[str]:
    """As the file writes it: a nasal is that of its class, a final visarga the s or r it comes from, a final anusvāra
    the m."""
    for nasal, stops in _CLASS_NASALS:
        form = re.sub(f"M(?={stops})", nasal, form)
    if form.endswith("H"):
        yield form[:-1] + "s"
        yield form[:-1] + "r"
    elif form.endswith("M"):
        yield form[:-1] + "m"
    yield form


def _members(form: str) -> Iterator[tuple[str, str]]:
    """The ways to part a form in two, also in a vowel that both have grown into."""
    for place in range(MIN_MEMBER, len(form) - MIN_MEMBER + 2):
        first, second = form[:place], form[place:]
        if len(second) >= MIN_MEMBER:
            yield first, second
        for left, right in _JOINTS.get(form[place - 1], ()):
            if len(right + second) >= MIN_MEMBER:
                yield form[: place - 1] + left, right + second
