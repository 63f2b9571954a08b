"""The scores, the rules behind them and the gates."""

from __future__ import annotations

from shodhana.quality.domain.lexicon import KnownTerms
from shodhana.quality.domain.scoring import score_transcript
from shodhana.quality.domain.values import Cue, Policy, Report, Status, Term, Transcript

TERMS = ["bhakti", "kṛṣṇa", "dhyāna", "prārabdha", "śānti", "ātman", "saṃcita", "mokṣa", "jñāna", "vairāgya"]
KNOWN = KnownTerms.of("lexiconVersions/1", [*((term, False) for term in TERMS), ("yoga", True)])


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


def test_a_term_of_four_heard_words_is_one_correction() -> None:
    after = "the prārabdha of one man"
    term = Term(1, 4, 13, Status.CORRECTED, 0.95)
    heard = score(after, original=("the pra rub duh karma of one man",), terms=(term,))
    assert heard.edited_other_token_count == 0
    longer = score(after, original=("the pra rub duh karma that man of one man",), terms=(term,))
    assert longer.edited_other_token_count == 2


def test_a_word_that_is_taken_out_or_put_in_is_an_edit() -> None:
    line = "the dhyāna of the quiet mind"
    assert score("the dhyāna of the mind", original=(line,)).edited_other_token_count == 1
    assert score(f"{line} indeed", original=(line,)).edited_other_token_count == 1
    assert score(line, original=(line, "and a cue that is gone")).edited_other_token_count == 6


def test_the_thresholds_are_configuration() -> None:
    term = Term(1, 4, 13, Status.CORRECTED, 0.86)
    transcript = Transcript(cues("the prārabdha of one man"), (), (term,))
    assert not score_transcript(transcript, KNOWN, Policy()).requires_review
    stricter = (
        Policy(min_academic_score=0.99),
        Policy(similarity_threshold=0.87),
        Policy(iast_compliance_threshold=1.01),
    )
    for policy, gate in zip(stricter, ("academic_score", "uncertain_terms", "iast_compliance"), strict=True):
        report = score_transcript(transcript, KNOWN, policy)
        assert [found.gate for found in report.gates if not found.passed] == [gate]
        assert report.requires_review
    assert len({policy.version for policy in (Policy(), *stricter)}) == 4


def test_without_a_lexicon_structure_is_checked_and_said_to_be_all() -> None:
    report = score_transcript(Transcript(cues("the dhyāna and the mṃksa")), None, Policy())
    assert report.degraded
    assert report.lexicon_version == ""
    assert {violation.rule for violation in report.violations} <= {"sound_sequence", "alphabet"}


def test_a_term_in_two_domains_is_named_once() -> None:
    known = KnownTerms.of("v", [("dhyāna", False), ("dhyāna", False), ("Dhyāna", True)])
    assert known.canonical("dhyana") == ("dhyāna",)


def test_the_digest_of_a_lexicon_changes_with_its_terms_alone() -> None:
    one = KnownTerms.of("v1", [("dhyāna", False), ("yoga", True)])
    assert one.digest == KnownTerms.of("v2", [("yoga", True), ("dhyāna", False)]).digest
    assert one.digest != KnownTerms.of("v1", [("dhyāna", False), ("yoga", False)]).digest
