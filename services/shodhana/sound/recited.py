"""The sounds of a recited line as they survive a recogniser: no lengths, aspirates, retroflexes or word borders."""

from __future__ import annotations

import re
from functools import lru_cache

from shodhana.text.fold import ascii_fold
from shodhana.text.normalize import nfc
from shodhana.text.scripts import has_devanagari, has_iast_diacritics
from shodhana.text.transliterate import iast_of_devanagari

RECITED_VERSION = 1  # part of what an index is named by: raise it with any change of the rules

_IAST = str.maketrans({"ś": "s", "ṣ": "s", "ṛ": "ri", "ṝ": "ri", "ḷ": "l", "ḹ": "l", "ṃ": "m", "ṁ": "m", "c": "C"})
_POPULAR = ((re.compile("chh|cch|tch|ch"), "C"), (re.compile("c(?=[eiy])"), "s"), (re.compile("c|ck|q"), "k"))
_BOTH = (
    (re.compile("C+h?"), "c"),
    (re.compile("jñ|gny|dny|jny|jn|gy"), "gn"),
    (re.compile("sch|sh"), "s"),
    (re.compile("ee|ie"), "i"),
    (re.compile("oo|ou"), "u"),
    (re.compile("ai|ay(?![aeiou])|ei|ey(?![aeiou])"), "e"),
    (re.compile("au|ow|aw"), "o"),
    (re.compile("x"), "ks"),
    (re.compile("ph|f"), "p"),
    (re.compile("h"), ""),
)
_LETTERS = str.maketrans({"y": "i", "m": "n", "w": "v", "b": "v", "z": "j"})
_DOUBLED = re.compile(r"(.)\1+")
_SKELETON = str.maketrans({"e": "i", "o": "u", "a": None, "g": "k", "d": "t", "p": "v", "j": "c"})


@lru_cache(maxsize=100_000)
def recited_sounds(word: str) -> str:
    """Letters a–z for a word in IAST, or as a recogniser writes it: "vadhikaraste" and vādhikāraste share theirs."""
    if has_devanagari(word):
        return recited_line(iast_of_devanagari(word))
    lowered = nfc(word).casefold()
    return _recited(lowered.translate(_IAST) if has_iast_diacritics(word) else _popular(lowered))


@lru_cache(maxsize=10_000)
def recited_line(iast: str) -> str:
    """The same for a whole line that is known to be IAST."""
    return _recited(nfc(iast).casefold().translate(_IAST))


def skeleton(sounds: str) -> str:
    """What is left of sounds where vowels and voice are unsure too: consonants by place, and i or u."""
    return _DOUBLED.sub(r"\1", sounds.translate(_SKELETON))


def _popular(lowered: str) -> str:
    for pattern, replacement in _POPULAR:
        lowered = pattern.sub(replacement, lowered)
    return lowered


def _recited(letters: str) -> str:
    for pattern, replacement in _BOTH:
        letters = pattern.sub(replacement, letters)
    folded = "".join(letter for letter in ascii_fold(letters).translate(_LETTERS) if "a" <= letter <= "z")
    return _DOUBLED.sub(r"\1", folded)
