"""Plain text: a cue a line, without times."""

from __future__ import annotations

from .model import Cue
from .timing import lines_of


def parse(source: str) -> list[Cue]:
    """The lines that hold text."""
    filled = (line for line in lines_of(source) if line.text.strip())
    return [Cue(i, None, None, line.text, line.start, line.end, line.number) for i, line in enumerate(filled, 1)]
