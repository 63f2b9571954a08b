"""SubRip: number, time line, text, blank line."""

from __future__ import annotations

import re

from .model import BrokenTranscript, Cue
from .timing import TIME_LINE, Line, blocks_of, times_of

_HEAD = re.compile(r"^\d+\s*[\r\n]+\s*\d+:\d+:\d+[,.]\d+\s*-->")


def looks_like(head: str) -> bool:
    """Whether a file begins as SubRip does."""
    return _HEAD.match(head) is not None


def parse(source: str) -> list[Cue]:
    """The cues. Raises BrokenTranscript with the line."""
    cues: list[Cue] = []
    for block in blocks_of(source):
        time_line, text = _parts(block)
        start_ms, end_ms = times_of(time_line)
        cues.append(cue_of(len(cues) + 1, (start_ms, end_ms), text, time_line, source))
    return cues


def cue_of(index: int, times: tuple[int, int], text: list[Line], time_line: Line, source: str) -> Cue:
    """A cue whose text is the lines under its time line; empty where there are none."""
    start = text[0].start if text else time_line.end
    end = text[-1].end if text else time_line.end
    return Cue(index, *times, source[start:end], start, end, time_line.number)


def _parts(block: list[Line]) -> tuple[Line, list[Line]]:
    if TIME_LINE.match(block[0].text):
        return block[0], block[1:]
    if not block[0].text.strip().isdigit():
        raise BrokenTranscript(block[0].number, f"expected a cue number or a time line, found {block[0].text[:60]!r}")
    if len(block) == 1:
        raise BrokenTranscript(block[0].number + 1, f"cue {block[0].text.strip()} has no time line")
    return block[1], block[2:]
