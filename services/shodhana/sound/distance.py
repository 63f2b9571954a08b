"""How improbable it is that a term was heard as certain letters: a weighted edit distance over sounds.

The cost of a pair is −ln of the weight of its best alignment under the noise model, in nats; 0 for the likeliest
hearing of every sound is not reached. Many pairs are aligned at once, in numpy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cache, lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from .noise import Block, NoiseModel, noise_model
from .units import heard_letters

Key = TypeVar("Key", bound=Hashable)
Word = TypeVar("Word", Block, str)
Costs = NDArray[np.float32]
Ids = NDArray[np.intp]
NEVER = 30.0  # nats: what cannot be
MAX_HEARD_LETTERS = 3  # for one block
MAX_SOUNDS = 2
CHUNK = 2048  # pairs aligned at a time
READ_TERMS, READ_WORDS = 50_000, 5_000  # kept as numbers
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
        self._read_sounds = lru_cache(READ_TERMS)(self._rows_of)  # terms are compared again and again
        self._read_letters = lru_cache(READ_WORDS)(self._columns_of)

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
        rows = _gathered(self._read_sounds, sounds, height)
        columns = _gathered(self._read_letters, letters, width)
        table = self._table.ravel()
        place, step = np.empty(n, np.intp), np.empty(n, np.float32)
        cost = np.full((height + 1, width + 1, n), np.inf, np.float32)
        cost[0, 0] = 0.0
        for i in range(height + 1):
            for j in range(width + 1):
                for size, length in _moves(i, j):
                    np.add(rows[size, i], columns[length, j], out=place)
                    table.take(place, out=step, mode="clip")  # every place exists; "raise" would copy
                    step += cost[i - size, j - length]
                    np.minimum(cost[i, j], step, out=cost[i, j])
        return cost[[len(units) for units in sounds], [len(word) for word in letters], np.arange(n)]

    def _rows_of(self, units: Block) -> Ids:
        """(sizes, sounds + 1): where the row of the block of each size before each place begins in the flat table."""
        return _ids(units, self._blocks, self._unknown_block, MAX_SOUNDS) * self._table.shape[1]

    def _columns_of(self, word: str) -> Ids:
        """(lengths, letters + 1): the column of the letters before each place."""
        return _ids(word, self._letters, self._unknown_letters, MAX_HEARD_LETTERS)


@cache
def sound_distance() -> SoundDistance:
    """The distance under the noise model as shipped."""
    return SoundDistance(noise_model())


def _ids(word: Word, numbers: Mapping[Word, int], unknown: int, longest: int) -> Ids:
    """(longest + 1, length + 1): the numbers of the parts of each size that end at each place."""
    ids = np.zeros((longest + 1, len(word) + 1), np.intp)
    for size in range(longest + 1):
        for end in range(size, len(word) + 1):
            ids[size, end] = numbers.get(word[end - size : end], unknown)
    return ids


def _gathered(read: Callable[[Word], Ids], words: Sequence[Word], length: int) -> Ids:
    """(sizes, length + 1, n): what is read of each word, 0 beyond its end."""
    different = {word: number for number, word in enumerate(dict.fromkeys(words))}
    found = [read(word) for word in different]
    table = np.zeros((len(found), len(found[0]), length + 1), np.intp)
    for number, ids in enumerate(found):
        table[number, :, : ids.shape[1]] = ids
    return np.ascontiguousarray(np.moveaxis(table[[different[word] for word in words]], 0, 2))


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
