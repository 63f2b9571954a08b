"""What was found lately for heard forms: doubtful places are searched a second time, with the words around them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from .query import Mode
from .ranking import Legs

MOST = 1_500  # forms, of about 15 kB each: those of one long talk
Way = tuple[str, Mode, int]
"""How it was searched for: the models, the legs, and how many entries each brought in."""


class LegMemory:
    """The legs of one version that know no context, for the forms heard last. Of one event loop."""

    def __init__(self, most: int = MOST) -> None:
        self._legs: OrderedDict[tuple[str, Way], Legs] = OrderedDict()
        self._most = most

    def known(self, heard: Iterable[str], way: Way) -> dict[str, Legs]:
        """The legs of those forms that were heard lately."""
        return {word: self._legs[word, way] for word in heard if (word, way) in self._legs}

    def keep(self, found: Mapping[str, Legs], way: Way) -> None:
        """Keeps these, and forgets the oldest."""
        for word, legs in found.items():
            self._legs[word, way] = legs
        while len(self._legs) > self._most:
            self._legs.popitem(last=False)
