"""The scores explain themselves, and are made by a policy that is recorded."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from shodhana.quality.domain.lexicon import KnownTerms
from shodhana.quality.domain.scoring import score_transcript
from shodhana.quality.domain.values import Cue, Policy, Report, Status, Term, Transcript, Weights
from shodhana.quality.settings import QualitySettings
from shodhana.quality.translation import message_of

KNOWN = KnownTerms.of("lexiconVersions/1", [(term, False) for term in ("dhyāna", "kṛṣṇa", "mokṣa", "saṃcita")])
WORDS = ("dhyāna", "dhyana", "kṛṣṇa", "krṣna", "mokṣa", "sañcita", "saṁcita", "the", "quiet", "river", "yogaḥ", "aāa")
lines = st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=7).map(" ".join), min_size=1, max_size=4)


def score(found: list[str], original: list[str] | None = None, policy: Policy | None = None) -> Report:
    cues = tuple(Cue(n, 1000 * n, 1000 * n + 900, line) for n, line in enumerate(found, 1))
    before = tuple(replace(cue, text=text) for cue, text in zip(cues, original or (), strict=False))
    place = found[0].find("dhyana")
    terms = (Term(1, place, place + 6, Status.UNRESOLVED, 0.6, "dhyāna"),) if place >= 0 else ()
    return score_transcript(Transcript(cues, before, terms), KNOWN, policy or Policy())


@given(lines, st.data())
def test_each_explanation_can_be_worked_out_again(found: list[str], data: st.DataObject) -> None:
    original = data.draw(st.one_of(st.none(), st.permutations(found)))
    report = score(found, original)
    shown = {one.score: one.calculation for one in report.explanations}
    for name in report.scores.__slots__:
        value = getattr(report.scores, name)
        assert (name in shown) is (value is not None)
        if value is not None and "=" in shown[name]:
            formula, _, result = shown[name].partition(" = ")
            assert float(result) == pytest.approx(value, abs=6e-4)
            worked = eval(re.sub(r"[÷×−]", lambda sign: {"÷": "/", "×": "*", "−": "-"}[sign.group()], formula))
            assert max(0.0, worked) == pytest.approx(value, abs=0.01)


def test_a_doubtful_word_counts_as_surely_as_it_is_sanskrit() -> None:
    known = KnownTerms.of("lexiconVersions/1", [("dhyāna", False)])
    cues = (Cue(1, None, None, "dhyāna and vrishnamayya"),)

    def compliance(probability: float) -> float | None:
        term = Term(1, 11, 23, Status.UNRESOLVED, probability, "viṣṇumāyā")
        return score_transcript(Transcript(cues, (), (term,)), known, Policy()).scores.iast_compliance

    assert compliance(0.5) == pytest.approx(1 / 1.5, abs=6e-4)
    assert compliance(0.85) == 0.5


def test_a_violation_says_what_is_expected_with_capitals_endings_and_place() -> None:
    report = score(["Of Krṣna's flute", "saṁcita karma"])
    found = [(one.rule, one.cue, one.start, one.end, one.text, one.expected) for one in report.violations]
    assert found == [
        ("canonical_spelling", 1, 3, 10, "Krṣna's", ("Kṛṣṇa's",)),
        ("alphabet", 2, 2, 3, "ṁ", ()),
    ]


def test_spellings_of_one_term_are_named() -> None:
    report = score(["kṛṣṇa and krṣna and Kṛṣṇa", "sañcita and saṃcita and Saṃcit"])
    assert report.variants == (("kṛṣṇa", "krṣna"),)
    assert report.scores.spelling_consistency == 0.5


def test_the_version_stands_for_every_part_of_the_policy() -> None:
    changed = [
        Policy(),
        Policy(min_academic_score=0.8),
        Policy(iast_compliance_threshold=0.8),
        Policy(similarity_threshold=0.8),
        Policy(weights=Weights(0.5, 0.3, 0.1, 0.1)),
        Policy(edit_penalty=5),
        Policy(unknown_form_probability=0.4),
    ]
    assert len({policy.version for policy in changed}) == len(changed)
    assert Policy().version == Policy().version
    assert message_of(score(["dhyāna"], policy=changed[4])).thresholds.weights_version == changed[4].version


def test_the_weights_are_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACADEMIC_WEIGHTS", "1, 0, 0, 0")
    monkeypatch.setenv("EDIT_PENALTY", "1")
    policy = QualitySettings().policy()
    report = score(["dhyāna krṣna of the river"], ["dhyāna krṣna of that river"], policy)
    assert report.scores.academic_score == report.scores.iast_compliance == 0.5
    assert report.scores.preservation == pytest.approx(2 / 3, abs=6e-4)
    monkeypatch.setenv("ACADEMIC_WEIGHTS", "0.4,0.4,0.4,0.1")
    with pytest.raises(ValidationError, match="not 1 together"):
        QualitySettings()


def test_a_final_a_that_is_spoken_or_not_is_no_matter_of_spelling() -> None:
    terms = tuple(Term(1, start, end, Status.POPULAR, 0.97, "Gaṇeśa") for start, end in ((0, 6), (11, 18), (23, 29)))
    known = KnownTerms.of("lexiconVersions/1", [("gaṇeśa", False)])
    cues = (Cue(1, None, None, "Ganesh and Ganesha and Gaṇeśa"),)
    assert score_transcript(Transcript(cues, (), terms), known, Policy()).variants == (("ganesh", "gaṇeśa"),)
    spoken = (Cue(1, None, None, "Ganesh and Ganesha"),)
    assert score_transcript(Transcript(spoken, (), terms[:2]), known, Policy()).variants == ()


def test_what_is_left_in_english_is_no_evidence_of_iast_but_in_a_longer_term() -> None:
    known = KnownTerms.of("lexiconVersions/1", [("yoga", True), ("sahajayoga", False)])

    def scored(line: str, term: Term) -> Report:
        return score_transcript(Transcript((Cue(1, None, None, line),), (), (term,)), known, Policy())

    assert scored("the yoga of this", Term(1, 4, 8, Status.EXACT, 1.0)).sanskrit_token_count == 0
    report = scored("the sahaja yoga", Term(1, 4, 15, Status.POPULAR, 0.97, "sahajayoga"))
    assert report.sanskrit_token_count == 2
    assert report.scores.iast_compliance == 0.0
    assert [one.text for one in report.violations] == ["sahaja yoga"]
