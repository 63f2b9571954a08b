"""IAST on a plain keyboard, as Velthuis spells it: aa for ā, .t for ṭ."""

from __future__ import annotations

LETTERS = {
    "aa": "ā",
    "ii": "ī",
    "uu": "ū",
    ".r": "ṛ",
    ".rr": "ṝ",
    ".l": "ḷ",
    ".ll": "ḹ",
    '"n': "ṅ",
    "~n": "ñ",
    ".t": "ṭ",
    ".d": "ḍ",
    ".n": "ṇ",
    '"s': "ś",
    ".s": "ṣ",
    ".m": "ṃ",
    ".h": "ḥ",
}
# What stands there once its first two letters have become one: "ṛr" for ".rr".
_AS_TYPED = {(LETTERS[key[:2]] + key[2:] if len(key) > 2 else key): letter for key, letter in LETTERS.items()}


def typed(text: str) -> str:
    """A text with its Velthuis spellings replaced; a capital stays one: "Aananda" and "AAnanda" are Ānanda."""
    written = ""
    for letter in text:
        written = after_key(written + letter)
    return written


def after_key(text: str) -> str:
    """What a text becomes when its last letter has just been typed."""
    end = text[-2:]
    letter = _AS_TYPED.get(end.lower())
    if letter is None:
        return text
    return text[:-2] + (letter if end == end.lower() else letter.upper())
