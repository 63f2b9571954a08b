"""Words as sequences of sounds: IAST letters, aspirates and diphthongs as one, edges marked."""

from __future__ import annotations

import re
from functools import lru_cache

from shodhana.text.fold import ascii_fold
from shodhana.text.normalize import nfc

EDGE = "#"
VOWELS = frozenset(["a", "ā", "i", "ī", "u", "ū", "ṛ", "ṝ", "ḷ", "ḹ", "e", "ai", "o", "au"])
_SANSKRIT = re.compile("[kgcjṭḍtdpb]h|a[iu]|[a-zāīūṛṝḷḹṅñṭḍṇśṣṃḥ]")
_POPULAR = re.compile(
    "chh|ch|sh|aa|ee|ii|oo|uu|kh|gh|jh|th|dh|ph|bh|ai|au|ck|[a-z]"  # as English readers write Sanskrit
)
_POPULAR_SOUNDS = {
    **{"chh": "ch", "ch": "c", "sh": "ś", "aa": "ā", "ee": "ī", "ii": "ī", "oo": "ū", "uu": "ū"},
    **{"w": "v", "f": "ph", "z": "j", "q": "k", "c": "k", "ck": "k"},
}
_HEARD_LETTERS = str.maketrans(
    {"ś": "sh", "ṣ": "sh", "ṛ": "ri", "ṝ": "ri", "ḷ": "l", "ḹ": "l", "ṃ": "m", "ḥ": "h", "ñ": "n", "ṅ": "n"}
)


@lru_cache(maxsize=100_000)
def units_of_iast(term: str) -> tuple[str, ...]:
    """The sounds of a term in IAST, words joined: `("#", "dh", "y", "ā", "n", "a", "#")`."""
    return (EDGE, *_SANSKRIT.findall(nfc(term).casefold()), EDGE)


@lru_cache(maxsize=100_000)
def units_of_popular(spelling: str) -> tuple[str, ...]:
    """The sounds a popular spelling stands for, as far as letters tell: retroflexes and lengths are not seen."""
    found = _POPULAR.findall(ascii_fold(spelling.casefold()))
    return (EDGE, *(_POPULAR_SOUNDS.get(unit, unit) for unit in found), EDGE)


@lru_cache(maxsize=100_000)
def heard_letters(heard: str) -> str:
    """What was heard as letters a–z between edges, words joined; IAST in it becomes its popular spelling."""
    letters = ascii_fold(nfc(heard).casefold().translate(_HEARD_LETTERS))
    return EDGE + "".join(letter for letter in letters if "a" <= letter <= "z") + EDGE
