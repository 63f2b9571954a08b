"""The noise model: which letters a recogniser or a popular speller puts for which sounds, and how often.

Read from `noise_model.tsv` (sounds, letters, weight, kind). What the table does not list happens too, rarely: by the
likeness of sounds, from `_unlisted`.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from .units import EDGE, VOWELS

TABLE = "noise_model.tsv"
NOTHING = "-"
Block = tuple[str, ...]

LOST_VOWEL, LOST_CONSONANT = 0.03, 0.008
ADDED_VOWEL, ADDED_CONSONANT = 0.02, 0.006
OTHER_VOWEL, SAME_PLACE, SAME_MANNER, OTHER_CONSONANT = 0.02, 0.02, 0.012, 0.002
VOWEL_FOR_CONSONANT = 0.0005
_PLACES = {
    **dict.fromkeys("kgqx", "velar"),
    **dict.fromkeys("cjzy", "palatal"),
    **dict.fromkeys("tdnlsr", "dental"),
    **dict.fromkeys("pbmvwf", "labial"),
    "h": "glottal",
}
_MANNERS = {
    **dict.fromkeys("kgqtdpbcj", "stop"),
    **dict.fromkeys("mn", "nasal"),
    **dict.fromkeys("szxhf", "fricative"),
    **dict.fromkeys("yrlvw", "glide"),
}
_LETTER_OF = {"ṭ": "t", "ḍ": "d", "ṇ": "n", "ṅ": "n", "ñ": "n", "ś": "s", "ṣ": "s", "ṃ": "m", "ḥ": "h"}
_ENGLISH_VOWELS = frozenset("aeiou")


@dataclass(frozen=True, slots=True)
class Rule:
    """Sounds, the letters that are heard for them, how often (0 to 1), and what kind of garbling that is."""

    sounds: Block
    letters: str
    weight: float
    kind: str


class NoiseModel:
    """The rules, and the weight of everything they do not list."""

    def __init__(self, rules: Mapping[tuple[Block, str], Rule]) -> None:
        self.rules = rules

    def weight(self, sounds: Block, letters: str) -> float:
        """How often the letters are heard for the sounds; 0 where a block is not listed."""
        rule = self.rules.get((sounds, letters))
        if rule is not None:
            return rule.weight
        if len(sounds) + len(letters) > 2 or EDGE in sounds or EDGE in letters:
            return 1.0 if sounds == (EDGE,) and letters == EDGE else 0.0
        return _unlisted(sounds[0] if sounds else "", letters)

    @property
    def version(self) -> str:
        """12 hexadecimal digits over the rules."""
        content = sorted((rule.sounds, rule.letters, rule.weight) for rule in self.rules.values())
        return hashlib.blake2b(repr(content).encode(), digest_size=6).hexdigest()


@cache
def noise_model() -> NoiseModel:
    """The model as shipped."""
    text = files(__package__).joinpath(TABLE).read_text(encoding="utf-8")
    return NoiseModel({(rule.sounds, rule.letters): rule for rule in read_rules(text)})


def read_rules(text: str) -> Iterator[Rule]:
    """The rules of a table. Raises ValueError with the line of a row that is none."""
    for line, row in enumerate(csv.DictReader(text.splitlines(), delimiter="\t"), 2):
        try:
            letters = row["heard"].replace(" ", "").replace(NOTHING, "")
            rule = Rule(tuple(row["true"].split()), letters, float(row["weight"]), row["kind"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"{TABLE}, line {line}: not sounds, letters, weight and kind") from error
        if not 0 < rule.weight <= 1:
            raise ValueError(f"{TABLE}, line {line}: weight {rule.weight} is not above 0 and at most 1")
        yield rule


def _unlisted(sound: str, letter: str) -> float:
    """The weight of a single sound heard as a single letter, lost (no letter) or added (no sound)."""
    if not sound:
        return ADDED_VOWEL if letter in _ENGLISH_VOWELS or letter in "hy" else ADDED_CONSONANT
    if not letter:
        return LOST_VOWEL if sound in VOWELS or sound in ("h", "y") else LOST_CONSONANT
    if (sound in VOWELS) != (letter in _ENGLISH_VOWELS):
        return VOWEL_FOR_CONSONANT
    return OTHER_VOWEL if sound in VOWELS else _other_consonant(sound, letter)


def _other_consonant(sound: str, letter: str) -> float:
    near = _LETTER_OF.get(sound, sound[0])
    if near == letter or _PLACES.get(near) == _PLACES.get(letter):
        return SAME_PLACE
    return SAME_MANNER if _MANNERS.get(near) == _MANNERS.get(letter) else OTHER_CONSONANT
