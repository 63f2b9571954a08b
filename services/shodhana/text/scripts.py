"""Which script, and whether Latin letters carry the diacritics of IAST. By code point: scheme detectors guess."""

from __future__ import annotations

import re

_DEVANAGARI = re.compile("[\u0900-\u097f]")
_DIACRITICS = re.compile("[āīūṛṝḷḹṃṁḥñṅṭḍṇśṣĀĪŪṚṜḶḸṂṀḤÑṄṬḌṆŚṢ]|[a-zA-Z][\u0304\u0323\u0307\u0301\u0303\u0325\u0310]")


def has_devanagari(text: str) -> bool:
    """Whether any letter is Devanagari."""
    return _DEVANAGARI.search(text) is not None


def has_iast_diacritics(text: str) -> bool:
    """Whether any letter carries a mark that IAST uses and English does not."""
    return _DIACRITICS.search(text) is not None
