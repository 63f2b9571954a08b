"""Makes noise: spellings as a careless speller or a recogniser would give them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache

from .noise import Block, NoiseModel, noise_model
from .units import EDGE, VOWELS

SINGLE_LETTERS = "abcdefghijklmnopqrstuvwxyz"
BLOCK_SHARE = 0.9  # of the places where two sounds have rules of their own
LOSES_A_PART = 0.04  # of rough hearings: a syllable or more at an end is not heard at all


@dataclass(frozen=True, slots=True)
class Garbler:
    """Hears sounds wrong, from `roughness` 0 (popular spelling) to 1 (a recogniser that does not know the language)."""

    model: NoiseModel
    random: random.Random
    roughness: float

    def hear(self, sounds: tuple[str, ...]) -> str:
        """Letters a–z for the sounds of a term (with its edges); at least one letter."""
        heard = "".join(self._letters(block) for block in self._blocks(sounds)).replace(EDGE, "")
        if len(heard) > 5 and self.random.random() < LOSES_A_PART * self.roughness:
            cut = self.random.randint(1, len(heard) // 2)
            heard = heard[cut:] if self.random.random() < 0.4 else heard[:-cut]
        return heard or "".join(sound[0] for sound in sounds if sound != EDGE)

    def _blocks(self, sounds: tuple[str, ...]) -> list[Block]:
        blocks: list[Block] = []
        at = 0
        while at < len(sounds):
            pair = sounds[at : at + 2]
            is_pair = len(pair) == 2 and pair in _choices(self.model) and self.random.random() < BLOCK_SHARE
            blocks.append(pair if is_pair else sounds[at : at + 1])
            at += len(blocks[-1])
        return blocks

    def _letters(self, block: Block) -> str:
        if block == (EDGE,):
            return ""
        if len(block) == 1 and self.random.random() < 0.06 * self.roughness:
            return self._unlisted(block)
        letters, weights = _choices(self.model).get(block, ([block[0]], [1.0]))
        flatness = 1.0 / (0.8 + 1.0 * self.roughness)
        return self.random.choices(letters, [weight**flatness for weight in weights])[0]

    def _unlisted(self, block: Block) -> str:
        letters: list[str] = ["", *SINGLE_LETTERS]
        weights = [self.model.weight(block, letter) for letter in letters]
        chosen = self.random.choices(letters, weights)[0]
        return chosen + self.random.choice("aeiou") if block[0] not in VOWELS and self.random.random() < 0.1 else chosen


@lru_cache(maxsize=8)
def _choices(model: NoiseModel) -> dict[Block, tuple[list[str], list[float]]]:
    """Letters and weights by block."""
    choices: dict[Block, tuple[list[str], list[float]]] = {}
    for rule in model.rules.values():
        letters, weights = choices.setdefault(rule.sounds, ([], []))
        letters.append(rule.letters)
        weights.append(rule.weight)
    return choices


def garbler(seed: int, roughness: float) -> Garbler:
    """A garbler over the noise model as shipped, the same for the same seed."""
    return Garbler(noise_model(), random.Random(seed), roughness)
