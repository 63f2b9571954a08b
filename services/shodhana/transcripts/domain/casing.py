"""Keeps what the speaker's grammar did to a term: capitals, the plural s, the possessive 's."""

from __future__ import annotations

import re
from dataclasses import dataclass

_POSSESSIVE = re.compile("['’](?:s|S)?$")
_MIN_PLURAL = 5


@dataclass(frozen=True, slots=True)
class Inflected:
    """A heard form parted into what is looked up and the English ending that is kept."""

    base: str
    ending: str = ""


def readings_of(heard: str) -> list[Inflected]:
    """The ways to read a heard form: with its possessive off, and also with a plural s off."""
    match = _POSSESSIVE.search(heard)
    base, possessive = (heard[: match.start()], match.group()) if match else (heard, "")
    readings = [Inflected(base, possessive)]
    if len(base) >= _MIN_PLURAL and base[-1] in "sS" and base[-2] not in "sS":
        readings.append(Inflected(base[:-1], base[-1] + possessive))
    return readings


def dressed(term: str, reading: Inflected, heard: str) -> str:
    """The term with the heard form's capitals and ending; each word has one where each heard word has."""
    heard_words, words = heard.split(), term.split(" ")
    capitals = [next((letter for letter in word if letter.isalpha()), "").isupper() for word in heard_words]
    if capitals and all(capitals):
        words = [word[:1].upper() + word[1:] for word in words]
    elif capitals and capitals[0]:
        words[0] = words[0][:1].upper() + words[0][1:]
    is_plural_kept = reading.ending[:1] in ("s", "S") and words[-1][-1:] == "s"  # "rajas" needs no second s
    return " ".join(words) + (reading.ending[1:] if is_plural_kept else reading.ending)
