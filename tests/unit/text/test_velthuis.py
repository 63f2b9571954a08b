"""IAST typed on a plain keyboard."""

from __future__ import annotations

import pytest
from shodhana.text.velthuis import LETTERS, after_key, typed
from vidyut.lipi import Scheme, transliterate

OTHERWISE = {".rr": ".R", ".ll": ".L"}
"""Where vidyut takes a capital; here a capital stays one."""


@pytest.mark.parametrize(("keys", "letter"), LETTERS.items())
def test_the_table_is_velthuis(keys: str, letter: str) -> None:
    keys = OTHERWISE.get(keys, keys)
    assert transliterate(keys, Scheme.Velthuis, Scheme.Slp1) == transliterate(letter, Scheme.Iast, Scheme.Slp1)


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
