"""The scores and their invariants."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shodhana.quality.domain.lexicon import KnownTerms
from shodhana.quality.domain.scoring import score_transcript
from shodhana.quality.domain.values import Cue, Policy, Report, Status, Term, Transcript
from shodhana.text.fold import ascii_fold

TERMS = ["bhakti", "kṛṣṇa", "dhyāna", "prārabdha", "śānti", "ātman", "saṃcita", "mokṣa", "jñāna", "vairāgya"]
KNOWN = KnownTerms.of("lexiconVersions/1", [*((term, False) for term in TERMS), ("yoga", True)])
MARKED = [term for term in TERMS if ascii_fold(term) != term]


def cues(*lines: str) -> tuple[Cue, ...]:
    return tuple(Cue(i, 1000 * i, 1000 * i + 900, line) for i, line in enumerate(lines, 1))


def score(*lines: str, original: tuple[str, ...] = (), terms: tuple[Term, ...] = ()) -> Report:
    transcript = Transcript(cues(*lines), cues(*original) if original else (), terms)
    return score_transcript(transcript, KNOWN, Policy())


def test_scores_are_absent_where_there_is_no_sanskrit() -> None:
    scores = score("one by one they came").scores
    assert (scores.iast_compliance, scores.sanskrit_accuracy, scores.academic_score, scores.overall_score) == (
        None,
    ) * 4


def test_a_clean_text_scores_one_and_passes() -> None:
    report = score("the dhyāna of Kṛṣṇa brings śānti")
    assert report.scores.academic_score == 1.0
    assert not report.requires_review


def test_a_stripped_diacritic_is_a_violation_with_its_place_and_rule() -> None:
    line = "the dhyana of Kṛṣṇa"
    term = Term(1, 4, 10, Status.UNRESOLVED, 0.7)
    report = score(line, terms=(term,))
    found = [(violation.rule, violation.cue, violation.start, violation.end) for violation in report.violations]
    assert found == [("canonical_spelling", 1, 4, 10)]
    assert report.scores.iast_compliance == 0.5
    assert report.requires_review


def test_class_nasal_and_anusvara_are_one_spelling() -> None:
    assert score("sañcita and saṃcita").scores.iast_compliance == 1.0


def test_english_spelling_of_an_anglicised_term_is_right() -> None:
    assert score("Kṛṣṇa taught Yoga").violations == ()


def test_editing_english_costs_preservation_and_moving_a_time_costs_all() -> None:
    line = "the dhyāna of the quiet mind in the morning"
    assert score(line, original=(line,)).scores.preservation == 1.0
    edited = score(line.replace("quiet", "calm"), original=(line,))
    assert edited.edited_other_token_count == 1
    assert edited.scores.preservation is not None
    assert edited.scores.preservation < 1
    moved = Transcript((Cue(1, 5, 9, line),), (Cue(1, 4, 9, line),))
    assert score_transcript(moved, KNOWN, Policy()).scores.overall_score == 0.0


def test_a_corrected_term_is_no_edit_of_english() -> None:
    after = "the prārabdha of one man"
    term = Term(1, 4, 13, Status.CORRECTED, 0.95)
    report = score(after, original=("the praabda of one man",), terms=(term,))
    assert report.edited_other_token_count == 0
    assert report.scores.sanskrit_accuracy == 0.95


@given(st.lists(st.sampled_from(MARKED), min_size=1, max_size=12), st.data())
def test_stripping_k_of_n_terms_lowers_compliance_by_k_over_n(terms: list[str], data: st.DataObject) -> None:
    stripped = data.draw(st.sets(st.integers(0, len(terms) - 1)))
    words = [ascii_fold(term) if i in stripped else term for i, term in enumerate(terms)]
    places, start = [], 0
    for word in words:
        places.append(Term(1, start, start + len(word), Status.EXACT, 1.0))
        start += len(word) + 1
    report = score(" ".join(words), terms=tuple(places))
    assert report.scores.iast_compliance == pytest.approx(1 - len(stripped) / len(terms), abs=6e-4)


@given(st.lists(st.sampled_from(TERMS), min_size=1, max_size=6))
def test_a_decomposed_text_scores_as_its_composed_form_but_for_rule_nfc(terms: list[str]) -> None:
    line = " ".join(terms)
    report = score(unicodedata.normalize("NFD", line))
    assert {violation.rule for violation in report.violations} <= {"nfc"}
    assert report.scores == score(line).scores
    assert report.sanskrit_token_count == score(line).sanskrit_token_count


@given(st.lists(st.sampled_from(["the", "morning", "he said so", "one by one"]), max_size=5))
def test_adding_english_cues_changes_no_sanskrit_score(lines: list[str]) -> None:
    base = score("the dhyāna of krsna", terms=(Term(1, 14, 19, Status.EXACT, 1.0),)).scores
    more = score("the dhyāna of krsna", *lines, terms=(Term(1, 14, 19, Status.EXACT, 1.0),)).scores
    assert (base.iast_compliance, base.sanskrit_accuracy) == (more.iast_compliance, more.sanskrit_accuracy)
