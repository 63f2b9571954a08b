"""How old a standby's picture is at most."""

from __future__ import annotations

import math

import pytest
from shodhana.runtime.freshness import PAGE_BYTES, Freshness, Position


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def freshness(clock: Clock) -> Freshness:
    return Freshness(remembered_s=10.0, clock=clock)


def at(byte: int, timeline: int = 1) -> Position:
    return Position(timeline, byte)


def test_before_the_primary_has_been_seen_nothing_is_fresh(freshness: Freshness) -> None:
    assert math.isinf(freshness.lag_s(at(5000)))


def test_what_does_not_say_where_it_is_is_not_fresh(freshness: Freshness) -> None:
    freshness.note_primary(100.0, at(5000))
    assert math.isinf(freshness.lag_s(None))


def test_the_lag_is_the_age_of_the_newest_moment_that_was_replayed(freshness: Freshness) -> None:
    for moment, byte in ((97.0, 5000), (98.0, 6000), (99.0, 7000)):
        freshness.note_primary(moment, at(byte))
    assert [freshness.lag_s(at(byte)) for byte in (4999, 5000, 6500, 7000)] == [math.inf, 3.0, 2.0, 1.0]


def test_a_primary_that_rests_has_a_fresh_standby(freshness: Freshness, clock: Clock) -> None:
    for moment in (100.0, 200.0):
        clock.now = moment
        freshness.note_primary(moment, at(5000))
        assert freshness.lag_s(at(5000)) == 0.0


def test_a_standby_that_stands_still_grows_old(freshness: Freshness, clock: Clock) -> None:
    freshness.note_primary(100.0, at(5000))
    clock.now = 103.0
    freshness.note_primary(103.0, at(5001))
    assert freshness.lag_s(at(5000)) == 3.0


def test_a_primary_that_is_not_seen_any_more_makes_everything_old(freshness: Freshness, clock: Clock) -> None:
    freshness.note_primary(100.0, at(5000))
    clock.now = 107.0
    assert freshness.lag_s(at(9000)) == 7.0


def test_a_page_that_has_only_its_header_is_the_end_of_the_page_before(freshness: Freshness) -> None:
    for header in (24, 40):
        freshness.note_primary(100.0, at(3 * PAGE_BYTES + header))
        assert freshness.lag_s(at(3 * PAGE_BYTES)) == 0.0


def test_positions_of_another_timeline_say_nothing(freshness: Freshness) -> None:
    freshness.note_primary(100.0, at(5000, timeline=2))
    assert math.isinf(freshness.lag_s(at(9000, timeline=1)))


def test_after_a_fail_over_what_the_old_primary_said_is_forgotten(freshness: Freshness) -> None:
    freshness.note_primary(99.0, at(5000))
    freshness.note_primary(100.0, at(9000, timeline=2))
    assert math.isinf(freshness.lag_s(at(6000, timeline=2)))
