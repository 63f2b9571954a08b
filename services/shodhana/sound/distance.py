"""How improbable it is that a term was heard as certain letters: a weighted edit distance over sounds.

The cost of a pair is −ln of the weight of its best alignment under the noise model, in nats; 0 for the likeliest
hearing of every sound is not reached. Many pairs are aligned at once, in numpy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from functools import cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from .noise import Block, NoiseModel, noise_model
from .units import heard_letters

Key = TypeVar("Key", bound=Hashable)
Word = TypeVar("Word", Block, str)
Costs = NDArray[np.float32]
Ids = NDArray[np.int32]
NEVER = 30.0  # nats: what cannot be
MAX_HEARD_LETTERS = 3  # for one block
MAX_SOUNDS = 2
CHUNK = 2048  # pairs aligned at a time
EMPTY = ""


class SoundDistance:
    """Costs under one noise model."""

    def __init__(self, model: NoiseModel) -> None:
        self._blocks = {(): 0, **_numbered(_blocks_of(model), 1)}
        self._letters = {EMPTY: 0, **_numbered(_letters_of(model), 1)}
        self._unknown_block, self._unknown_letters = len(self._blocks), len(self._letters)
        table = np.full((len(self._blocks) + 1, len(self._letters) + 1), NEVER, np.float32)
        for block, row in self._blocks.items():
            for letters, column in self._letters.items():
                weight = model.weight(block, letters) if block or letters else 0.0
                if weight > 0:
                    table[row, column] = -math.log(weight)
        self._table = table

    def costs(self, heard: Sequence[str], sounds: Sequence[tuple[str, ...]]) -> Costs:
        """(n,) nats: that each term, by its sounds, was heard so. Long and short pairs may be mixed."""
        result = np.empty(len(heard), np.float32)
        letters = [heard_letters(word) for word in heard]
        order = sorted(range(len(heard)), key=lambda at: (len(sounds[at]), len(letters[at])))
        for start in range(0, len(order), CHUNK):
            part = order[start : start + CHUNK]
            result[part] = self._aligned([sounds[at] for at in part], [letters[at] for at in part])
        return result

    def _aligned(self, sounds: Sequence[Block], letters: Sequence[str]) -> Costs:
        n, height, width = len(sounds), max(map(len, sounds)), max(map(len, letters))
        rows = [_gathered(self._block_rows, sounds, size, height) for size in range(MAX_SOUNDS + 1)]
        columns = [_gathered(self._letter_columns, letters, size, width) for size in range(MAX_HEARD_LETTERS + 1)]
        table = self._table.ravel()
        cost = np.full((height + 1, width + 1, n), np.inf, np.float32)
        cost[0, 0] = 0.0
        for i in range(height + 1):
            for j in range(width + 1):
                for size, length in _moves(i, j):
                    step = table.take(rows[size][i] + columns[length][j])
                    np.minimum(cost[i, j], cost[i - size, j - length] + step, out=cost[i, j])
        return cost[[len(units) for units in sounds], [len(word) for word in letters], np.arange(n)]

    def _block_rows(self, units: Block, size: int) -> list[int]:
        """For each place in a term, where the row of the block of `size` sounds before it begins in the flat table."""
        ids = (self._blocks.get(units[end - size : end], self._unknown_block) for end in range(size, len(units) + 1))
        return [number * self._table.shape[1] for number in ids]

    def _letter_columns(self, word: str, size: int) -> list[int]:
        return [self._letters.get(word[end - size : end], self._unknown_letters) for end in range(size, len(word) + 1)]


@cache
def sound_distance() -> SoundDistance:
    """The distance under the noise model as shipped."""
    return SoundDistance(noise_model())


def _gathered(ids_of: Callable[[Word, int], list[int]], words: Sequence[Word], size: int, length: int) -> Ids:
    """(length + 1, n): ids of the blocks of `size` that end before each place; each different word is read once."""
    different = {word: number for number, word in enumerate(dict.fromkeys(words))}
    table = np.zeros((len(different), length + 1), np.int32)
    for word, number in different.items():
        ids = ids_of(word, size)
        table[number, size : size + len(ids)] = ids
    return np.ascontiguousarray(table[[different[word] for word in words]].T)


def _moves(i: int, j: int) -> list[tuple[int, int]]:
    """(sounds, letters) of the last step of an alignment of i sounds and j letters."""
    sizes = range(min(i, MAX_SOUNDS) + 1)
    lengths = range(min(j, MAX_HEARD_LETTERS) + 1)
    return [(size, length) for size in sizes for length in lengths if (size, length) not in ((0, 0), (2, 0))
            and not (size == 0 and length > 1)]  # fmt: skip


def _blocks_of(model: NoiseModel) -> list[Block]:
    listed = {sounds for sounds, _ in model.rules}
    return sorted(listed | {(sound,) for sounds in listed for sound in sounds} | {(chr(c),) for c in range(97, 123)})


def _letters_of(model: NoiseModel) -> list[str]:
    listed = {letters for _, letters in model.rules if letters}
    return sorted(listed | {chr(code) for code in range(ord("a"), ord("z") + 1)} | {"#"})


def _numbered(keys: Sequence[Key], first: int) -> dict[Key, int]:
    return {key: number for number, key in enumerate(keys, first)}
