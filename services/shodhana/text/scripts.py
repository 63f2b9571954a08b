"""Which script, and whether Latin letters carry the diacritics of IAST. By code point: scheme detectors guess."""

from __future__ import annotations

import re
from collections.abc import Iterator

_DEVANAGARI = re.compile("[\u0900-\u097f\ua8e0-\ua8ff]")
_SIGN = "[\u0900-\u0963\u0971-\u097f]"
_DEVANAGARI_WORD = re.compile(f"{_SIGN}(?:{_SIGN}|[\u200c\u200d](?={_SIGN}))*")
_DIACRITICS = re.compile("[āīūṛṝḷḹṃṁḥñṅṭḍṇśṣĀĪŪṚṜḶḸṂṀḤÑṄṬḌṆŚṢ]|[a-zA-Z][\u0304\u0323\u0307\u0301\u0303\u0325\u0310]")


def has_devanagari(text: str) -> bool:
    """Whether any letter is Devanagari."""
    return _DEVANAGARI.search(text) is not None


def has_iast_diacritics(text: str) -> bool:
    """Whether any letter carries a mark that IAST uses and English does not."""
    return _DIACRITICS.search(text) is not None


def devanagari_words(text: str) -> Iterator[tuple[int, str]]:
    """The words in Devanagari with their places (code points); daṇḍas and digits are no part of them."""
    return ((match.start(), match.group()) for match in _DEVANAGARI_WORD.finditer(text))
