"""What the scores say of a file before and after its correction. Source: the invariants of the correction design."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from shodhana.text.fold import ascii_fold
from shodhana.text.scripts import has_devanagari
from shodhana.text.transliterate import devanagari_of
from shodhana.transcripts.domain.corrected import CorrectionOptions
from shodhana.transcripts.domain.formats import parse

from tests.local_scorer import LocalScorer
from tests.unit.transcripts.small_lexicon import ANGLICISED, TERMS, Bench

ENGLISH = ("the", "of", "morning", "quiet", "river", "walked", "one by one")
GARBLED = ("bhakthi", "praarabda", "vishnu maya", "brahma randhra", "gopis", "dhyan", "sanskars", "Krishna's")
DEVANAGARI = ("योगः", "कर्मसु", "कौशलम्", "श्रीकृष्ण", "क़लम", "हूँ", "राम।", "अइउण्", "१२", "क्‍ष")
ONE_WORD = [term for term in TERMS if term not in ANGLICISED and ascii_fold(term) != term]
ROUNDING = 6e-4


def scored_bench() -> Bench:
    return Bench(LocalScorer([(term, term in ANGLICISED) for term in TERMS]))


async def report_of(text: str, filename: str = "talk.srt") -> Any:
    return (await scored_bench().corrector.score(text.encode(), filename, None, CorrectionOptions())).quality.report


def srt(lines: list[str]) -> str:
    return "\n".join(f"{n}\n00:00:{n:02},000 --> 00:00:{n:02},900\n{line}\n" for n, line in enumerate(lines, 1))


words = st.sampled_from([*ENGLISH, *GARBLED, *TERMS])
talks = st.lists(st.lists(words, min_size=1, max_size=6).map(" ".join), min_size=1, max_size=4).map(srt)


async def test_a_garbled_text_does_not_score_as_a_clean_one() -> None:
    garbled = await report_of(srt(["the bhakthi of praarabda", "and dhyan in the morning"]))
    assert garbled.scores.iast_compliance == 0.0
    assert garbled.requires_review
    assert {one.text: one.expected for one in garbled.violations}["dhyan"] == ("dhyāna",)
    clean = await report_of(srt(["the bhakti of prārabdha", "and dhyāna in the morning"]))
    assert clean.scores.academic_score == 1.0


async def test_a_popular_spelling_is_right_as_a_term_but_not_as_iast() -> None:
    report = await report_of(srt(["then Krishna came"]))
    assert [(one.rule, one.expected) for one in report.violations] == [("canonical_spelling", ("Kṛṣṇa",))]
    assert report.scores.iast_compliance == 0.0
    assert report.scores.sanskrit_accuracy > 0.9


async def test_a_term_of_two_heard_words_breaks_one_rule_in_one_place() -> None:
    report = await report_of(srt(["now vishnu maya plays"]))
    assert [(one.text, one.expected) for one in report.violations] == [("vishnu maya", ("viṣṇumāyā",))]


async def test_without_candidates_the_scores_say_what_is_missing() -> None:
    bench = scored_bench()
    bench.lexicon.is_down = True
    scored = await bench.corrector.score("bhakthi and kṛṣṇa".encode(), "talk.txt", None, CorrectionOptions())
    assert scored.degradations
    assert scored.quality.report.sanskrit_token_count == 1


@settings(deadline=None, max_examples=25)
@given(st.lists(st.sampled_from(ONE_WORD), min_size=1, max_size=6), st.data())
async def test_stripping_k_of_n_terms_lowers_compliance_by_k_over_n(terms: list[str], data: st.DataObject) -> None:
    stripped = data.draw(st.sets(st.integers(0, len(terms) - 1)))
    lines = [f"of {ascii_fold(term) if place in stripped else term}" for place, term in enumerate(terms)]
    report = await report_of(srt(lines))
    assert report.scores.iast_compliance == pytest.approx(1 - len(stripped) / len(terms), abs=ROUNDING)


@settings(deadline=None, max_examples=25)
@given(talks, st.lists(st.sampled_from(ENGLISH), min_size=1, max_size=4))
async def test_adding_english_cues_changes_no_sanskrit_score(text: str, english: list[str]) -> None:
    count = text.count("-->")
    more = "\n".join(
        f"{count + n}\n00:01:{n:02},000 --> 00:01:{n:02},900\n{line}\n" for n, line in enumerate(english, 1)
    )
    alone, longer = (await report_of(text)).scores, (await report_of(f"{text}\n{more}")).scores
    names = ("iast_compliance", "sanskrit_accuracy", "spelling_consistency", "academic_score", "overall_score")
    assert {name: getattr(alone, name) for name in names} == {name: getattr(longer, name) for name in names}


@settings(deadline=None, max_examples=25)
@given(talks)
@example(srt(["the praarabda the prārabdha"]))  # the term corrected is the one that stands beside it
async def test_correction_never_lowers_compliance_nor_touches_english_times_or_order(text: str) -> None:
    bench = scored_bench()
    raw = (await report_of(text)).scores
    corrected = await bench.correct(text, "talk.srt")
    assert corrected.quality is not None
    own, after = corrected.quality.report, (await report_of(corrected.content.decode())).scores
    if raw.iast_compliance is not None:
        assert own.scores.iast_compliance >= raw.iast_compliance
        assert after.iast_compliance >= raw.iast_compliance
    assert own.edited_other_token_count == 0
    assert own.scores.preservation == 1.0
    again = parse(corrected.content, "talk.srt")
    assert [(cue.index, cue.start_ms, cue.end_ms) for cue in again.cues] == [
        (cue.index, cue.start_ms, cue.end_ms) for cue in corrected.transcript.cues
    ]
    assert (await bench.correct(corrected.content.decode(), "talk.srt")).content == corrected.content


lines_with_devanagari = st.lists(
    st.lists(st.sampled_from([*DEVANAGARI, *ENGLISH, *GARBLED]), min_size=1, max_size=6).map(" ".join),
    min_size=1,
    max_size=4,
).map(srt)
any_devanagari = st.text(st.sampled_from("अआइउकखगतदनमयरलवशसहािीुूेैोौंःँ्ऽ़॒।१ ॐळqa"), min_size=1, max_size=14).map(
    lambda line: srt([f"x {line} x"])
)


def devanagari_of_text(text: str) -> str:
    return "".join(letter for letter in text if has_devanagari(letter))


@settings(deadline=None, max_examples=40)
@given(st.one_of(lines_with_devanagari, any_devanagari))
async def test_devanagari_is_kept_or_comes_back_from_iast_as_it_was(text: str) -> None:
    bench = scored_bench()
    kept = (await bench.correct(text, "talk.srt")).content.decode()
    assert devanagari_of_text(kept) == devanagari_of_text(text)
    changed = await bench.correct(text, "talk.srt", transliterate_devanagari=True)
    restored = {cue.index: cue.text for cue in changed.transcript.cues}
    for correction in changed.corrections:
        span, best = correction.decision.span, correction.decision.best
        assert restored[span.cue][span.start : span.end] == span.text
        if has_devanagari(span.text):
            assert devanagari_of(best.text) == span.text
    left = devanagari_of_text(changed.content.decode())
    moved = sum(len(one.decision.span.text) for one in changed.corrections if has_devanagari(one.decision.span.text))
    assert len(left) + moved >= len(devanagari_of_text(text))


@settings(deadline=None, max_examples=25)
@given(lines_with_devanagari)
async def test_devanagari_scores_the_same_in_either_script(text: str) -> None:
    kept = (await scored_bench().correct(text, "talk.srt")).quality
    changed = (await scored_bench().correct(text, "talk.srt", transliterate_devanagari=True)).quality
    assert kept is not None
    assert changed is not None
    assert kept.report.scores == changed.report.scores
    assert kept.report.edited_other_token_count == 0
    assert kept.report.sanskrit_token_count == changed.report.sanskrit_token_count


async def test_devanagari_is_sanskrit_to_the_scores() -> None:
    report = await report_of(srt(["he said कृष्ण and राधा in the morning"]))
    assert report.sanskrit_token_count == 2
    assert report.scores.iast_compliance == 1.0
    misspelled = await report_of(srt(["he said कृष्ना"]))
    assert [(one.rule, one.expected) for one in misspelled.violations] == [("canonical_spelling", ("कृष्ण",))]
    stray = await report_of(srt(["he said ाकृ"]))
    assert [one.rule for one in stray.violations] == ["sound_sequence"]
