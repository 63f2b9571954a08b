"""Keys under which the spellings that people use for one word fall together."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

FOLD_VERSION = 1  # part of stored keys: raise it with any change of the rules

_LETTERS = str.maketrans({"ś": "s", "ṣ": "s", "ṛ": "ri", "ṝ": "ri", "ḷ": "l", "ḹ": "l", "ḥ": "", "ṃ": "n"})
_SPELLINGS = (
    (re.compile("^gn|gny|dny|gy|jny"), "jn"),
    (re.compile("chh|cch|ch"), "c"),
    (re.compile("sch|sh"), "s"),
    (re.compile("ck|q"), "k"),
    (re.compile("x"), "ks"),
    (re.compile("z"), "j"),
    (re.compile("f"), "ph"),
    (re.compile("w"), "v"),
    (re.compile("ee|ii|ie"), "i"),
    (re.compile("oo|uu"), "u"),
    (re.compile("ow|ou"), "au"),
    (re.compile("m(?=[^aeioumyrlv])"), "n"),
    (re.compile(r"(.)\1+"), r"\1"),
    (re.compile("(?<=...)a$"), ""),
)
_SOUNDS = (
    (re.compile("(?<=[bcdgjkpt])h"), ""),
    (re.compile("[bp]"), "b"),
    (re.compile("[gk]"), "k"),
    (re.compile("[cj]"), "j"),
    (re.compile("[dt]"), "t"),
    (re.compile("[nm]"), "n"),
    (re.compile("[rl]i"), "ri"),
    (re.compile("(?<!^)h"), ""),
    (re.compile("(?<!^)y(?![aeiou])"), "i"),
    (re.compile("(?<!^)[aeiou]+"), ""),
    (re.compile(r"(.)\1+"), r"\1"),
)


@lru_cache(maxsize=100_000)
def popular_fold(word: str) -> str:
    """The key of a word's popular spellings: Kṛṣṇa, Krishna and krsna-like ones share theirs.

    Vowel length, retroflexion, sibilants, sh/ch/w/ee/oo spellings, nasals before consonants, doubled letters and the
    final short a are merged; aspiration is not. Letters only: spaces, hyphens and apostrophes are dropped.
    """
    key = "".join(letter for letter in word.casefold() if letter.isalpha() or unicodedata.combining(letter))
    key = unicodedata.normalize("NFC", key).replace("jñ", "jn").translate(_LETTERS)
    key = ascii_fold(key)
    for pattern, replacement in _SPELLINGS:
        key = pattern.sub(replacement, key)
    return key


@lru_cache(maxsize=100_000)
def sound_key(word: str) -> str:
    """A coarser key: consonants by place of articulation, inner vowels dropped: prārabdha and "prarapta" share one."""
    key = popular_fold(word)
    for pattern, replacement in _SOUNDS:
        key = pattern.sub(replacement, key)
    return key


def ascii_fold(word: str) -> str:
    """The word without diacritics."""
    decomposed = unicodedata.normalize("NFD", word)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))
