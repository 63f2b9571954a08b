"""The metre of a line of verse in IAST, from the weights of its syllables; vidyut scans."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from shodhana.text.normalize import nfc
from shodhana.text.transliterate import slp1_of_iast

GANAS = {
    **{"ya": "LGG", "ma": "GGG", "ta": "GGL", "ra": "GLG", "ja": "LGL", "bha": "GLL", "na": "LLL", "sa": "LLG"},
    **{"la": "L", "ga": "G"},
}
VIPULA = {"LLL": "na-vipulā", "GLL": "bha-vipulā", "GGG": "ma-vipulā", "GLG": "ra-vipulā"}
UPAJATI = {"indravajrā": "upendravajrā", "vaṃśastha": "indravaṃśā"}
SLOKA = 8  # syllables of a pāda
CADENCES = {11: ("triṣṭubh", "GLG"), 12: ("jagatī", "GLGL")}  # weights before a pāda's last syllable
HALVES = {30: "pūrvārdha", 27: "uttarārdha"}  # morae of the halves of an āryā
MIN_SYLLABLES = 11  # shorter lines are in some metre by chance
MIN_DIACRITICS = 0.06  # of the letters: what is written in IAST has more
_DIACRITIC = re.compile("[āīūṛṝḷḹṃḥñṅṭḍṇśṣ]")
_SANSKRIT = re.compile(r"[aāiīuūṛṝḷḹeokgcjṭḍtdpbṅñṇnmyrlvśṣshṃḥ'’\s.,;|/-]+")  # vidyut breaks off at any other letter
_ENGLISH = re.compile("\\b(?:the|of|and|is|was|in|that|this|he|you|i|we|not|are|for|with|who|it)\\b")


@dataclass(frozen=True, slots=True)
class Metre:
    """A metre by name, and which form of it: "anuṣṭubh", "pathyā"."""

    name: str
    form: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.form})" if self.form else self.name


@lru_cache(maxsize=20_000)
def metre_of(text: str) -> Metre | None:
    """The metre of a pāda, a half or a whole verse; None where none is known, and for what is no Sanskrit in IAST."""
    lowered = nfc(text).casefold()
    if not _SANSKRIT.fullmatch(lowered) or _ENGLISH.search(lowered) or not _is_written_in_iast(lowered):
        return None
    return metre_of_weights(weights_of(lowered))


def weights_of(iast: str) -> str:
    """G for each heavy syllable, L for each light one."""
    letters = "".join(letter if letter.isalpha() else " " if letter.isspace() else "" for letter in iast)
    match = _scanner().classify(slp1_of_iast(letters))
    return "".join(str(syllable.weight) for pada in match.aksharas for syllable in pada)


def metre_of_weights(weights: str) -> Metre | None:
    """The metre of one, two or four pādas."""
    if len(weights) < MIN_SYLLABLES:
        return None
    for count in (4, 2, 1):
        if len(weights) % count == 0:
            size = len(weights) // count
            padas = [weights[at : at + size] for at in range(0, len(weights), size)]
            if found := _of_padas(padas):
                return found
    return _arya(weights)


def _of_padas(padas: Sequence[str]) -> Metre | None:
    return _even(padas) or _upajati(padas) or _sloka(padas) or _by_cadence(padas)


def _even(padas: Sequence[str]) -> Metre | None:
    """All pādas of one pattern."""
    found = set.intersection(*({name for name, pattern in _patterns() if _fits(pada, pattern)} for pada in padas))
    if len(padas) * len(padas[0]) < MIN_SYLLABLES or not found:
        return None
    return Metre(min(found))


def _upajati(padas: Sequence[str]) -> Metre | None:
    """Pādas of two patterns that differ in the first syllable."""
    patterns = dict(_patterns())
    for name, other in UPAJATI.items():
        if all(_fits(pada, patterns[name]) or _fits(pada, patterns[other]) for pada in padas):
            return Metre("upajāti", f"{name}, {other}")
    return None


def _sloka(padas: Sequence[str]) -> Metre | None:
    """Half a śloka or a whole one: even pādas end in LGL and any, odd ones in LGG and any, or in a vipulā."""
    if len(padas) < 2 or len(padas[0]) != SLOKA or any(pada[4:7] != "LGL" for pada in padas[1::2]):
        return None
    forms = ["pathyā" if pada[4:7] == "LGG" else VIPULA.get(pada[4:7], "") for pada in padas[0::2]]
    return Metre("anuṣṭubh", ", ".join(dict.fromkeys(forms))) if all(forms) else None


def _by_cadence(padas: Sequence[str]) -> Metre | None:
    """The freer metres of the epics and the Vedas, by how their pādas end; a single pāda may end so by chance."""
    name, cadence = CADENCES.get(len(padas[0]), ("", ""))
    if not name or len(padas) < 2 or any(not pada[:-1].endswith(cadence) for pada in padas):
        return None
    return Metre(name)


def _arya(weights: str) -> Metre | None:
    """Half an āryā: seven feet of four morae and a syllable, the odd ones no ja; the sixth tells which half."""
    for morae, half in HALVES.items():
        feet = _feet(weights[:-1] + "G", [4] * 5 + [1 if morae == 27 else 4, 4, 2])
        if feet is None or "LGL" in feet[0:7:2]:
            continue
        if morae == 27 or feet[5] in ("LGL", "LLLL"):
            return Metre("āryā", half)
    return None


def _feet(weights: str, sizes: Sequence[int]) -> list[str] | None:
    """Weights cut into feet of so many morae; None where a syllable lies across."""
    feet, at = [], 0
    for size in sizes:
        start, morae = at, 0
        while morae < size and at < len(weights):
            morae += 2 if weights[at] == "G" else 1
            at += 1
        if morae != size:
            return None
        feet.append(weights[start:at])
    return feet if at == len(weights) else None


def _fits(pada: str, pattern: str) -> bool:
    """Whether a pāda is of a pattern; its last syllable may be heavy or light."""
    return len(pada) == len(pattern) and pada[:-1] == pattern[:-1]


def _is_written_in_iast(lowered: str) -> bool:
    letters = sum(letter.isalpha() for letter in lowered)
    return letters > 0 and len(_DIACRITIC.findall(lowered)) >= MIN_DIACRITICS * letters


@cache
def _patterns() -> tuple[tuple[str, str], ...]:
    text = files(__package__).joinpath("metres.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines(), delimiter="\t")
    return tuple((row["metre"], "".join(GANAS[gana] for gana in row["ganas"].split())) for row in rows)


@cache
def _scanner() -> Any:
    from vidyut.chandas import Chandas  # loaded when first needed

    return Chandas.from_text("")
