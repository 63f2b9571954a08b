"""What holds of the scores of every transcript. Source: the invariants of the correction design."""

from __future__ import annotations

import random
import time
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shodhana.quality.domain.lexicon import KnownTerms
from shodhana.quality.domain.scoring import score_transcript
from shodhana.quality.domain.values import Cue, Policy, Report, Scores, Status, Term, Transcript
from shodhana.text.fold import ascii_fold

TERMS = ["bhakti", "kṛṣṇa", "dhyāna", "prārabdha", "śānti", "ātman", "saṃcita", "mokṣa", "jñāna", "vairāgya"]
KNOWN = KnownTerms.of("lexiconVersions/1", [(term, False) for term in TERMS])
MARKED = [term for term in TERMS if ascii_fold(term) != term]
ENGLISH = ["the", "morning", "of", "light", "he", "said", "quiet", "mind", "river", "walked"]
ROUNDING = 6e-4

english_lines = st.lists(st.sampled_from(ENGLISH), min_size=1, max_size=8).map(" ".join)
mixed_lines = st.lists(st.sampled_from(ENGLISH + TERMS + list(map(ascii_fold, TERMS))), min_size=1, max_size=10)


def cues_of(lines: list[str]) -> tuple[Cue, ...]:
    return tuple(Cue(number, 1000 * number, 1000 * number + 900, line) for number, line in enumerate(lines, 1))


def score(lines: list[str], original: list[str] | None = None, terms: tuple[Term, ...] = ()) -> Report:
    transcript = Transcript(cues_of(lines), cues_of(original) if original else (), terms)
    return score_transcript(transcript, KNOWN, Policy())


def annotated(words: list[str], statuses: list[Status]) -> tuple[Term, ...]:
    """A term at every word of the first cue."""
    terms, start = [], 0
    for word, status in zip(words, statuses, strict=True):
        terms.append(Term(1, start, start + len(word), status, 1.0 if status is Status.EXACT else 0.9))
        start += len(word) + 1
    return tuple(terms)


@given(st.lists(st.sampled_from(MARKED), min_size=1, max_size=12), st.data())
def test_stripping_k_of_n_terms_lowers_compliance_by_k_over_n(terms: list[str], data: st.DataObject) -> None:
    stripped = data.draw(st.sets(st.integers(0, len(terms) - 1)))
    words = [ascii_fold(term) if place in stripped else term for place, term in enumerate(terms)]
    report = score([" ".join(words)], terms=annotated(words, [Status.EXACT] * len(words)))
    assert report.scores.iast_compliance == pytest.approx(1 - len(stripped) / len(terms), abs=ROUNDING)
    assert {violation.rule for violation in report.violations} <= {"canonical_spelling"}


@given(st.lists(st.one_of(mixed_lines.map(" ".join), english_lines), min_size=1, max_size=5))
def test_a_decomposed_text_scores_as_its_composed_form(lines: list[str]) -> None:
    composed = score(lines)
    decomposed = score([unicodedata.normalize("NFD", line) for line in lines])
    assert decomposed.scores == composed.scores
    assert decomposed.sanskrit_token_count == composed.sanskrit_token_count
    assert [v.rule for v in decomposed.violations if v.rule != "nfc"] == [v.rule for v in composed.violations]


@given(mixed_lines.map(" ".join), st.lists(english_lines, max_size=5))
def test_adding_english_cues_changes_no_sanskrit_score(line: str, more: list[str]) -> None:
    def sanskrit(scores: Scores) -> tuple[float | None, ...]:
        return scores.iast_compliance, scores.sanskrit_accuracy, scores.spelling_consistency, scores.academic_score

    assert sanskrit(score([line]).scores) == sanskrit(score([line, *more]).scores)


@given(st.lists(english_lines, min_size=1, max_size=5))
def test_scores_are_absent_without_sanskrit_and_nothing_is_to_be_reviewed(lines: list[str]) -> None:
    report = score(lines)
    found = report.scores
    absent = (found.iast_compliance, found.sanskrit_accuracy, found.academic_score, found.overall_score)
    assert absent == (None, None, None, None)
    assert not report.requires_review


@given(st.lists(mixed_lines.map(" ".join), min_size=1, max_size=4), st.data())
def test_scores_lie_between_0_and_1_and_the_academic_one_is_their_weighted_sum(
    lines: list[str], data: st.DataObject
) -> None:
    words = lines[0].split()
    statuses = data.draw(st.lists(st.sampled_from(Status), min_size=len(words), max_size=len(words)))
    original = data.draw(st.one_of(st.none(), st.permutations(lines)))
    found = score(lines, original, annotated(words, statuses)).scores
    assert found.iast_compliance is not None
    assert found.sanskrit_accuracy is not None
    assert found.spelling_consistency is not None
    assert found.format_integrity is not None
    assert found.academic_score is not None
    assert found.overall_score is not None
    assert found.preservation is not None
    parts = (found.iast_compliance, found.sanskrit_accuracy, found.spelling_consistency, found.format_integrity)
    assert all(0 <= part <= 1 for part in (*parts, found.preservation))
    weighted = sum(weight * part for weight, part in zip((0.4, 0.4, 0.1, 0.1), parts, strict=True))
    assert found.academic_score == pytest.approx(weighted, abs=2 * ROUNDING)
    assert found.overall_score == pytest.approx(found.academic_score * found.preservation, abs=2 * ROUNDING)


@given(st.lists(st.sampled_from(MARKED), min_size=1, max_size=8), st.integers(0, 7))
def test_a_doubtful_term_always_asks_for_review(words: list[str], place: int) -> None:
    statuses = [Status.EXACT] * len(words)
    statuses[place % len(words)] = Status.UNRESOLVED
    assert score([" ".join(words)], terms=annotated(words, statuses)).requires_review


@given(st.permutations([word + ending for word in ENGLISH for ending in ("", "ed", "ing", "ly")]), st.integers(0, 9))
def test_each_english_word_that_is_edited_costs_ten_times_its_share(words: list[str], edited: int) -> None:
    after = ["changed" if place < edited else word for place, word in enumerate(words)]
    report = score([" ".join([*after, "dhyāna"])], [" ".join([*words, "dhyāna"])])
    assert report.edited_other_token_count == edited
    assert report.scores.preservation == pytest.approx(max(0, 1 - 10 * edited / len(words)), abs=ROUNDING)


@given(st.lists(st.sampled_from(ENGLISH), min_size=1, max_size=30))
def test_english_that_is_replaced_by_sanskrit_altogether_is_not_preserved(words: list[str]) -> None:
    report = score(["mokṣa"], [" ".join(words)])
    assert report.scores.overall_score == 0.0


@given(
    st.lists(st.sampled_from(ENGLISH), min_size=2, max_size=10, unique=True),
    st.lists(st.sampled_from(MARKED), min_size=1, max_size=3),
    st.data(),
)
def test_an_edit_beside_a_correction_is_not_hidden_by_it(
    words: list[str], terms: list[str], data: st.DataObject
) -> None:
    """Heard words become terms; English next to them is changed as well, or not."""
    changed = data.draw(st.integers(0, 1))
    before = ["garbled"] * len(terms) + words
    after = terms + ["changed"] * changed + words[changed:]
    places = tuple(replace(term, status=Status.CORRECTED) for term in annotated(terms, [Status.EXACT] * len(terms)))
    assert score([" ".join(after)], [" ".join(before)], places).edited_other_token_count == changed


@given(st.lists(mixed_lines.map(" ".join), min_size=2, max_size=5), st.data())
def test_a_time_or_an_order_that_changed_costs_everything(lines: list[str], data: st.DataObject) -> None:
    original = cues_of(["mokṣa", *lines])
    place = data.draw(st.integers(0, len(lines)))
    moved = list(original)
    if data.draw(st.booleans()):
        moved[place] = replace(moved[place], start_ms=(moved[place].start_ms or 0) + 1)
    else:
        moved = [*moved[1:], moved[0]]
    report = score_transcript(Transcript(tuple(moved), original), KNOWN, Policy())
    assert report.scores.preservation == 0.0
    assert report.scores.overall_score == 0.0


@given(st.lists(mixed_lines.map(" ".join), min_size=1, max_size=4))
def test_every_violation_is_at_its_place(lines: list[str]) -> None:
    for found in score(lines).violations:
        assert lines[found.cue - 1][found.start : found.end] == found.text


@pytest.mark.timeout(60)
def test_the_time_is_linear_in_the_cues() -> None:
    def seconds(count: int) -> float:
        random.seed(count)
        lines = [" ".join(random.choices([*ENGLISH, *TERMS, "krsna"], k=12)) for _ in range(count)]
        began = time.process_time()
        score(lines, [f"{line} more" for line in lines])
        return time.process_time() - began

    seconds(200)
    short, long = min(seconds(500) for _ in range(3)), seconds(5000)
    assert long < 25 * short


@pytest.mark.timeout(30)
def test_a_long_line_of_one_word_repeated_is_scored_in_time() -> None:
    line = "om " * 3000
    report = score([f"{line} mokṣa"], [f"{line} {line}"])
    assert report.edited_other_token_count >= 3000
