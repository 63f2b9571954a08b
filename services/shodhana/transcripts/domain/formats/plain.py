"""Plain text: a cue a line, without times; a page-long line is parted between its sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .model import Cue
from .timing import lines_of

LONG_LINE = 2_000  # characters; talks are kept as one line a paragraph, or one in all
_SENTENCE_END = re.compile(r"[.?!।॥][\"'”’)\]]*[ \t]+")


def parse(source: str) -> list[Cue]:
    """The lines that hold text."""
    cues: list[Cue] = []
    for line in lines_of(source):
        for start, end in _parts(line.text):
            if line.text[start:end].strip():
                place = (line.start + start, line.start + end)
                cues.append(Cue(len(cues) + 1, None, None, line.text[start:end], *place, line.number))
    return cues


def _parts(text: str) -> Iterator[tuple[int, int]]:
    """Parts of at most LONG_LINE characters where sentences allow it; the space between two parts is of neither."""
    start, end = 0, 0
    for match in _SENTENCE_END.finditer(text):
        if end > start and match.end() - start > LONG_LINE:
            yield start, len(text[:end].rstrip())
            start = end
        end = match.end()
    if end > start and len(text) - start > LONG_LINE:
        yield start, len(text[:end].rstrip())
        start = end
    yield start, len(text)
