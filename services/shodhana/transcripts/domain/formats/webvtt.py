"""WebVTT: a header, then cues with settings, notes, styles and regions. Source: W3C WebVTT."""

from __future__ import annotations

from .model import BrokenTranscript, Cue
from .subrip import cue_of
from .timing import TIME_LINE, blocks_of, times_of

_NOT_CUES = ("NOTE", "STYLE", "REGION")


def parse(source: str) -> list[Cue]:
    """The cues; notes, styles and regions are kept in the file and not read. Raises BrokenTranscript."""
    blocks = list(blocks_of(source))
    if not blocks or not blocks[0][0].text.startswith("WEBVTT"):
        raise BrokenTranscript(1, "a WebVTT file begins with WEBVTT")
    cues: list[Cue] = []
    for block in blocks[1:]:
        if block[0].text.startswith(_NOT_CUES):
            continue
        at = 0 if TIME_LINE.match(block[0].text) else 1
        if at >= len(block):
            raise BrokenTranscript(block[0].number, f"expected a time line, found {block[0].text[:60]!r}")
        cues.append(cue_of(len(cues) + 1, times_of(block[at]), block[at + 1 :], block[at], source))
    return cues
