"""IAST typed on a plain keyboard."""

from __future__ import annotations

import re

import pytest
from shodhana.stack.places import PROJECT
from shodhana.text.velthuis import LETTERS, after_key, typed
from vidyut.lipi import Scheme, transliterate

ENTRY = re.compile(r"""^  (?:["'](\S+)["']|(\w+)): "(\w+)",$""", re.MULTILINE)
OTHERWISE = {".rr": ".R", ".ll": ".L"}
"""Where vidyut takes a capital; here a capital stays one."""


@pytest.mark.parametrize(("keys", "letter"), LETTERS.items())
def test_the_table_is_velthuis(keys: str, letter: str) -> None:
    keys = OTHERWISE.get(keys, keys)
    assert transliterate(keys, Scheme.Velthuis, Scheme.Slp1) == transliterate(letter, Scheme.Iast, Scheme.Slp1)


def test_the_dashboard_has_the_same_table() -> None:
    script = (PROJECT / "clients/dashboard/src/text/velthuis.ts").read_text(encoding="utf-8")
    table = script[script.index("LETTERS") : script.index("};")]
    assert {key or bare: letter for key, bare, letter in ENTRY.findall(table)} == LETTERS


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ("praarabdha", "prārabdha"),
        ("K.r.s.na", "Kṛṣṇa"),
        ("pit.rrn", "pitṝn"),
        ('"Sa"nkaraacaarya', "Śaṅkarācārya"),
        ("AAnanda Aananda", "Ānanda Ānanda"),
        ("j~naana.m", "jñānaṃ"),
        ("as they are. Then", "as they are. Then"),
        ("kṛṣṇa", "kṛṣṇa"),
        ("", ""),
    ],
)
def test_words_are_read_as_meant(keys: str, text: str) -> None:
    assert typed(keys) == text


def test_only_the_end_is_looked_at_while_typing() -> None:
    assert after_key("baa") == "bā"
    assert after_key("baab") == "baab"
