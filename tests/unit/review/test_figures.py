"""Agreement, against values from the literature, and which cases are read twice."""

from __future__ import annotations

import pytest
from shodhana.review.domain.figures import krippendorff_alpha
from shodhana.review.domain.queue import reads_wanted

# K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), examples B and D; the third is the worked
# example of "Content Analysis", with missing values. A row is a rater, a column a unit, a dot says nothing.
KNOWN = {
    0.095: ("0101000000", "1110010000"),
    0.743: ("123321412...", "1233224125.3", ".3332342251.", "12332441251."),
    0.691: (".....34121133.3", "1.213343.......", "..21344.21133.4"),
}


def units(rows: tuple[str, ...]) -> list[list[str]]:
    return [[value for value in column if value != "."] for column in zip(*rows, strict=True)]


@pytest.mark.parametrize(("alpha", "rows"), KNOWN.items())
def test_alpha_is_what_the_literature_says(alpha: float, rows: tuple[str, ...]) -> None:
    assert krippendorff_alpha(units(rows)) == pytest.approx(alpha, abs=1e-3)


@pytest.mark.parametrize("rows", [(), ("aaa",), ("aaa", "aaa"), ("ab.", "..c")])
def test_where_nothing_can_be_told_apart_there_is_no_alpha(rows: tuple[str, ...]) -> None:
    assert krippendorff_alpha(units(rows)) is None


def test_raters_who_always_differ_agree_less_than_chance() -> None:
    assert krippendorff_alpha([["a", "b"], ["b", "a"]]) == pytest.approx(-0.5)


def test_a_share_of_the_places_is_read_twice_and_always_the_same_ones() -> None:
    places = [f"talk {i} bhakti" for i in range(2000)]
    chosen = [place for place in places if reads_wanted(0, 0.05, place) == 2]
    assert 50 < len(chosen) < 150
    assert chosen == [place for place in places if reads_wanted(0, 0.05, place) == 2]
    assert {reads_wanted(0, 0, place) for place in places} == {1}
    assert {reads_wanted(0, 1, place) for place in places} == {2}
    assert [reads_wanted(asked, 1, "x") for asked in (1, 2)] == [1, 2]
