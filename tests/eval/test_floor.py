"""What the correction reaches on the development data, as a floor: no later change makes it worse unseen."""

from __future__ import annotations

import pytest
from shodhana.transcripts.domain.english import WordFrequencies
from shodhana.transcripts.domain.pipeline import TranscriptCorrector

from tests.eval.measures import applied, calibration_error, corrected, suggested
from training.core import LocalSearch, LocalVectorizer, Unscored, glossary_entries
from training.talks import ASR, Talk, talks, word_pairs

RECORDINGS = ("1981-03-21_part1", "1981-03-21_part2", "1989-05-06_part1")  # those that take a few seconds each
FLOORS = {"whisper talks": (0.84, 0.94), "raw lecture": (0.68, 0.81), "popular spellings": (0.98, 0.98)}

pytestmark = pytest.mark.skipif(not ASR.exists(), reason=f"development data not found at {ASR}")


@pytest.fixture(scope="module")
def corrector() -> TranscriptCorrector:
    return TranscriptCorrector(LocalSearch(glossary_entries(), LocalVectorizer()), Unscored(), None, WordFrequencies())


@pytest.mark.parametrize("title", FLOORS)
def test_terms_of_the_glossary_are_found(corrector: TranscriptCorrector, title: str) -> None:
    terms = {entry.term for entry in glossary_entries()}
    known = [pair for pair in word_pairs()[title] if pair[1] in terms]
    found = suggested(corrector, known)
    first, among = (sum(results) / len(known) for results in zip(*found, strict=True))
    least_first, least_among = FLOORS[title]
    assert (first >= least_first, among >= least_among) == (True, True), f"acc@1 {first:.2f}, recall@5 {among:.2f}"


def test_what_is_applied_to_talks_is_right(corrector: TranscriptCorrector) -> None:
    recordings: list[Talk] = [talk for talk in talks(glossary_entries()) if talk.name in RECORDINGS]
    figures = [corrected(corrector, talk) for talk in recordings]
    judged = [one for figure in figures for one in figure.judged]
    done = applied(judged)
    faulty = sum(one.truth != "right" for one in done)
    english = sum(one.truth == "english" for one in done)
    assert len(done) >= 100
    assert faulty <= 0.02 * len(done)
    assert english <= 0.3e-3 * sum(figure.word_count for figure in figures)
    assert calibration_error(judged) <= 0.05
