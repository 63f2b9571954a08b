"""The log's files by name, and the gaps among them."""

from __future__ import annotations

import pytest
from shodhana.stack.backup.segments import Segment, missing, segment_at, segment_named

FIRST = Segment(1, 3)


@pytest.mark.parametrize(
    ("timeline", "lsn", "name"),
    [
        (1, "0/3000028", "000000010000000000000003"),
        (1, "0/3FFFFFF", "000000010000000000000003"),
        (2, "1/0", "000000020000000100000000"),
        (10, "A/FF000000", "0000000A0000000A000000FF"),
    ],
)
def test_a_position_is_in_the_segment_of_its_16_mib(timeline: int, lsn: str, name: str) -> None:
    assert segment_at(timeline, lsn).name == name
    assert segment_named(name) == segment_at(timeline, lsn)


@pytest.mark.parametrize("name", ["00000002.history", "000000010000000000000003.00000028.backup", "readme"])
def test_histories_and_labels_are_no_segments(name: str) -> None:
    assert segment_named(name) is None


@pytest.mark.parametrize(
    ("archived", "lacking"),
    [
        ([(1, 3), (1, 4), (1, 5)], []),
        ([(1, 1), (1, 3)], []),  # before the first nothing is wanted
        ([(1, 4), (1, 6)], [(1, 3), (1, 5)]),
        ([], [(1, 3)]),
        ([(1, 3), (2, 4), (2, 6)], [(2, 5)]),  # a later timeline begins where it branched off
        ([(1, 3), (1, 255), (1, 256)], [(1, number) for number in range(4, 255)]),
    ],
)
def test_every_segment_from_the_first_on_is_wanted(
    archived: list[tuple[int, int]], lacking: list[tuple[int, int]]
) -> None:
    names = [Segment(*pair).name for pair in archived]
    assert missing([*names, "00000002.history"], FIRST) == [Segment(*pair).name for pair in lacking]
