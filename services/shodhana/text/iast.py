"""The letters of IAST and the sound sequences that Sanskrit does not have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .normalize import nfc

LETTERS = frozenset("aāiīuūṛṝḷḹeokgṅcjñṭḍṇtdnpbmyrlvśṣshṃḥ'’- ")
_VOWELS = "aāiīuūṛṝḷḹeo"
_IMPOSSIBLE = re.compile(
    "[āīūṝḹeo][āīūṝḹ]|[ṛṝḷḹ][aāiīuūeo]|ṅ[aāiīuū]?ṅṅ|[śṣs]{3}|^[ṃḥ]|ṃ[aāiīuūṛeo]|ḥ[āīūṛeo]|[kgcjṭḍtdpb]{4}"
)
# What no more than 18 of the 667,000 forms of the Sanskrit Heritage site have; dictionaries and popular books do.
_UNMET = re.compile(
    "|".join(
        (
            f"a[{_VOWELS.replace('i', '').replace('u', '')}]",  # vowels do not meet, but in ai and au
            f"[{_VOWELS[1:]}][{_VOWELS}]",
            f"^[ṃḥ]|ṃ[{_VOWELS}ṃḥ]|ḥ[{_VOWELS}ḥ]",
            "ṅ[cjṭḍtdpbyrlvśṣh]|ñ[kgṭḍtdpbmrlvśṣsh]|ṇ[kgcjtdpśṣ]",  # a nasal is of the class of its stop
            "n[kgcjṭḍpśṣ]|m[kgcjṭḍtdśṣsh]",
            "ś[gjṭḍtdpbṣsh]|ṣ[gcjśsh]|s[gcjṭḍśṣ]",  # and so is a sibilant
            "(?:kh|gh|ch|jh|ṭh|ḍh|th|dh|ph|bh)[kgcjṭḍtdpbśṣsh]",  # aspirates stand before no other stop
            "[śṣs]{3}|[kgcjṭḍtdpb]{4}",
        )
    )
)
_MOJIBAKE = re.compile("[ÃÂ][\u0080-\u00bf]|â€|Ä[\u0080-\u00bf]|�")


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that a word breaks, and where (code points within the word)."""

    rule: str
    start: int
    end: int
    description: str


def breaches(word: str, *, strictly: bool = False) -> Iterator[Breach]:
    """What keeps a word from being well-formed IAST, structure only: spelling is a matter of the lexicon.

    Strictly: also sounds that do not meet in a Sanskrit word, as "nk" and "aa"; printed sources are not that strict.
    """
    if word != nfc(word):
        yield Breach("nfc", 0, len(word), "not in Unicode normal form C")
        return
    for match in _MOJIBAKE.finditer(word):
        yield Breach("alphabet", match.start(), match.end(), "bytes of another encoding")
    lowered = word.casefold()
    for position, letter in enumerate(lowered if len(lowered) == len(word) else word):
        if letter not in LETTERS:
            yield Breach("alphabet", position, position + 1, f"{letter!r} is no letter of IAST")
    for match in (_UNMET if strictly else _IMPOSSIBLE).finditer(lowered):
        yield Breach("sound_sequence", match.start(), match.end(), f"{match.group()!r} does not occur in Sanskrit")


def is_iast(word: str) -> bool:
    """Whether a word breaks no rule."""
    return next(breaches(word), None) is None
