"""Words of a text with their places."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_LETTER = r"[^\W\d_]|[\u0300-\u036f\u0900-\u0963\u200c\u200d]"
_WORD = re.compile(rf"(?:{_LETTER})+(?:['’](?:{_LETTER})+)*")
# Each begins where a run of its letters does, or is short: else every letter of a long run would be tried as the first.
_SKIPPED = re.compile(r"<[^<>\n]*>|\{\\[^{}\n]*\}|https?://\S+|\S{1,254}@\S+|(?<!\w)\w*\d\w*")


@dataclass(frozen=True, slots=True)
class Token:
    """A word and its place in the text: `start` and `end` count code points."""

    text: str
    start: int
    end: int

    @property
    def stem(self) -> str:
        """The word without a possessive 's."""
        return re.sub("['’]s?$", "", self.text)


def tokenize(text: str) -> Iterator[Token]:
    """The words in order; markup, addresses and anything with a digit are passed over. A hyphen parts two words."""
    skipped = [match.span() for match in _SKIPPED.finditer(text)]
    for match in _WORD.finditer(text):
        while skipped and skipped[0][1] <= match.start():
            skipped.pop(0)
        if skipped and skipped[0][0] < match.end():
            continue
        yield Token(match.group(), match.start(), match.end())
