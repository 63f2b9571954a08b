"""Names and headers of the files of Postgres's log."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .errors import Damaged

SEGMENT_BYTES = 16 << 20
PER_LOG = (1 << 32) // SEGMENT_BYTES
NAME = re.compile(r"^([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})$")
HEADER = struct.Struct("<HHIQII Q I")
"""Magic, info, timeline, page address, remaining length, padding; then the system's identifier, segment size."""


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """16 MiB of the log, by its number on a timeline."""

    timeline: int
    number: int

    @property
    def name(self) -> str:
        return f"{self.timeline:08X}{self.number // PER_LOG:08X}{self.number % PER_LOG:08X}"


def segment_named(name: str) -> Segment | None:
    """None for what is no segment: a history of timelines, the label of a backup."""
    found = NAME.match(name)
    if found is None:
        return None
    timeline, log, part = (int(text, 16) for text in found.groups())
    return Segment(timeline, log * PER_LOG + part)


def segment_at(timeline: int, lsn: str) -> Segment:
    """The segment that holds a position ("0/3000028")."""
    high, low = (int(text, 16) for text in lsn.split("/"))
    return Segment(timeline, ((high << 32) + low) // SEGMENT_BYTES)


def check_header(path: Path, name: str, system_identifier: str | None = None) -> None:
    """Raises Damaged where the file is not the segment that its name says, or is of another server."""
    wanted = segment_named(name)
    if wanted is None:
        return
    if (size := path.stat().st_size) != SEGMENT_BYTES:
        raise Damaged(f"{name}: {size} bytes, a segment has {SEGMENT_BYTES}")
    with path.open("rb") as file:
        _, _, timeline, address, _, _, identifier, _ = HEADER.unpack(file.read(HEADER.size))
    if address != wanted.number * SEGMENT_BYTES or timeline > wanted.timeline:
        raise Damaged(f"{name}: its header is that of another segment")
    if system_identifier is not None and str(identifier) != system_identifier:
        raise Damaged(f"{name}: it is the log of server {identifier}, not of {system_identifier}")


def missing(names: Iterable[str], first: Segment) -> list[str]:
    """Segments that lack between `first` and the newest one of its timeline, `first` included.

    A later timeline has to be without a gap in itself.
    """
    found = sorted(segment for name in names if (segment := segment_named(name)) is not None)
    lacking = list[str]()
    for timeline in sorted({segment.timeline for segment in found} | {first.timeline}):
        numbers = {segment.number for segment in found if segment.timeline == timeline}
        if timeline < first.timeline:
            continue
        if timeline == first.timeline:
            numbers = {number for number in numbers if number >= first.number}
        start = first.number if timeline == first.timeline else min(numbers)
        end = max(numbers, default=start)
        lacking += [Segment(timeline, number).name for number in range(start, end + 1) if number not in numbers]
    return lacking
