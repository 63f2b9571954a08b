"""What counts as an edit beside the terms, with the order of words and without."""

from __future__ import annotations

import pytest
from shodhana.quality.domain import edits
from shodhana.quality.domain.values import Cue, Status, Term, Transcript


@pytest.fixture(params=["in order", "without order"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "without order":
        monkeypatch.setattr(edits, "MAX_COMPARED", 0)


def edits_of(before: str, after: str, *corrected: str) -> int:
    terms, place = [], 0
    for term in corrected:
        start = after.index(term, place)
        place = start + len(term)
        terms.append(Term(1, start, place, Status.CORRECTED, 1.0))
    cue = Cue(1, 0, 900, after)
    return edits.count_edits(Transcript((cue,), (Cue(1, 0, 900, before),), tuple(terms)))


def test_a_term_corrected_to_a_word_that_stands_beside_it_is_no_edit() -> None:
    assert edits_of("the praarabda the prārabdha", "the prārabdha the prārabdha", "prārabdha") == 0


def test_words_that_the_term_does_not_stand_for_are_edits() -> None:
    assert edits_of("the praarabda the prārabdha", "that prārabdha the prārabdha", "prārabdha") == 1
    assert edits_of("of the praarabda now", "of the prārabdha", "prārabdha") == 0  # one term stands for up to four
    assert edits_of("one by one", "1 by 1") == 2


def test_a_word_that_came_in_is_an_edit() -> None:
    assert edits_of("quiet river", "quiet quiet river") == 1
