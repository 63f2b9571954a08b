"""Normal forms of text, and the characters that are refused."""

from __future__ import annotations

import re
import unicodedata

# ISO 15919 and older spellings of letters that IAST writes otherwise; for Sanskrit words only.
_TO_IAST = str.maketrans({"ṁ": "ṃ", "ḿ": "ṃ", "ē": "e", "ō": "o", "Ṁ": "Ṃ", "Ē": "E", "Ō": "O"})
_RING_BELOW = {"r̥": "ṛ", "l̥": "ḷ", "R̥": "Ṛ", "L̥": "Ḷ", "r̥̄": "ṝ", "l̥̄": "ḹ", "m̐": "ṃ"}

# Bidirectional controls, zero-width space, word joiner, BOM inside the text, control characters but tab and line ends,
# lone surrogates (JSON can spell them, UTF-8 cannot). ZWNJ and ZWJ (U+200C, U+200D) shape Devanagari and are kept.
_REFUSED = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]"
)


def nfc(text: str) -> str:
    """Unicode normal form C."""
    return unicodedata.normalize("NFC", text)


def to_iast(word: str) -> str:
    """A Sanskrit word with the letters of ISO 15919 replaced by those of IAST, in NFC."""
    result = nfc(word)
    for other, iast in _RING_BELOW.items():
        result = result.replace(nfc(other), iast)
    return nfc(result.translate(_TO_IAST))


def refused_characters(text: str) -> list[tuple[int, str]]:
    """Positions (code points) and names of characters that text must not hold."""
    return [(match.start(), _name(match.group())) for match in _REFUSED.finditer(text)]


def _name(character: str) -> str:
    unnamed = "CONTROL CHARACTER" if unicodedata.category(character) == "Cc" else "LONE SURROGATE"
    return f"U+{ord(character):04X} {unicodedata.name(character, unnamed)}"
