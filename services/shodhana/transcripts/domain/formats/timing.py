"""Blocks and time lines, as SubRip and WebVTT share them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .model import BrokenTranscript

TIME_LINE = re.compile(r"^\s*(\S+)\s*-->\s*(\S+)(.*)$")
_TIME = re.compile(r"^(?:(\d{1,4}):)?([0-5]?\d):([0-5]?\d)[,.](\d{1,3})$")


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its end, its 1-based number and its place in the file."""

    text: str
    number: int
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def lines_of(source: str) -> Iterator[Line]:
    """The lines; LF, CRLF and CR end one."""
    start = 0
    for number, text in enumerate(re.split("(\r\n|\n|\r)", source)):
        if number % 2 == 0:
            yield Line(text, number // 2 + 1, start)
        start += len(text)


def blocks_of(source: str) -> Iterator[list[Line]]:
    """Runs of lines between blank ones."""
    block: list[Line] = []
    for line in lines_of(source):
        if line.text.strip():
            block.append(line)
        elif block:
            yield block
            block = []
    if block:
        yield block


def times_of(line: Line) -> tuple[int, int]:
    """Start and end in milliseconds. Raises BrokenTranscript."""
    match = TIME_LINE.match(line.text)
    if match is None:
        raise BrokenTranscript(
            line.number, f"expected a time line (00:00:01,000 --> 00:00:02,000), found {line.text[:60]!r}"
        )
    return _milliseconds(match[1], line.number), _milliseconds(match[2], line.number)


def _milliseconds(text: str, line: int) -> int:
    match = _TIME.match(text)
    if match is None:
        raise BrokenTranscript(line, f"{text[:30]!r} is no time (hours:minutes:seconds,milliseconds)")
    hours, minutes, seconds, fraction = match.groups()
    return ((int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int(fraction.ljust(3, "0"))
