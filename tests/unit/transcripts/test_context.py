"""What the words around a place say: words of a gloss, terms that are named together, and how that decides."""

from __future__ import annotations

import pytest
from shodhana.text.tokens import tokenize
from shodhana.transcripts.domain.casing import Inflected
from shodhana.transcripts.domain.combiner import combiner
from shodhana.transcripts.domain.context import companions_near, gloss_words_near
from shodhana.transcripts.domain.features import Reading, Surroundings
from shodhana.transcripts.domain.matcher import Matcher, Thresholds
from shodhana.transcripts.domain.ports import Candidate, Evidence
from shodhana.transcripts.domain.spans import Span
from shodhana.transcripts.domain.vocabulary import commonness_of

GLOSSES = {"jñāna": "knowledge, wisdom", "dhyāna": "meditation, contemplation in silence"}


def test_a_word_of_the_gloss_says_more_the_nearer_it_stands() -> None:
    far = "___ is what a pupil has to bring with him on the way, and that is faith"
    assert gloss_words_near("with ___ and faith", "faith, trust") > gloss_words_near(far, "faith, trust") > 0


@pytest.mark.parametrize("context", ["", "the one that ___ is of them", "a purse and a ___"])
def test_words_that_every_gloss_has_say_nothing(context: str) -> None:
    assert gloss_words_near(context, "that which is of the one") == 0


@pytest.mark.parametrize(("context", "term"), [("kama, ___, loha", "krodha"), ("sattva and ___ and tamas", "rajas")])
def test_a_term_is_at_home_among_those_named_with_it(context: str, term: str) -> None:
    assert companions_near(context, term) > companions_near(context, "graha")


def test_a_term_is_not_its_own_companion() -> None:
    assert companions_near("krodha, ___, krodh", "krodha") == 0


def test_commonness_falls_from_the_terms_of_every_lecture_to_all_others() -> None:
    assert [commonness_of(term) for term in ("karma", "aparigraha", "kaṇṭaka")] == [2, 1, 0]


@pytest.mark.parametrize(
    ("context", "right"),
    [
        ("books give no wisdom: ___ is knowledge of the self", "jñāna"),
        ("sit in silence, close your eyes: ___ is meditation", "dhyāna"),
    ],
)
def test_jnana_or_dhyana_is_decided_by_context(context: str, right: str) -> None:
    heard = "gyana"
    evidence = {Evidence.SOUND: 0.5, Evidence.LEXICAL: 0.6, Evidence.PHONETIC: 0.7}
    alike = tuple(Candidate(term, "spiritual", gloss, "", 0.6, evidence, ()) for term, gloss in GLOSSES.items())
    span = Span(0, 0, len(heard), heard, tuple(tokenize(heard)), 0.0, False)
    matcher = Matcher(combiner(), Thresholds())
    decision = matcher.decide(span, [Reading(Inflected(heard), alike)], Surroundings(context=context))
    assert decision is not None
    assert decision.best.candidate.term == right
    assert decision.best.probability > 2 * decision.ranked[1].probability


def test_what_is_listed_gives_way_where_the_context_explains_another() -> None:
    listed = Candidate("dhana", "general", "wealth", "", 1.0, {Evidence.EXACT: 1.0, Evidence.SOUND: 0.9}, ())
    meant = Candidate(
        *("dhyāna", "spiritual", GLOSSES["dhyāna"], "", 0.8),
        {Evidence.SOUND: 0.7, Evidence.LEXICAL: 0.8, Evidence.PHONETIC: 0.8},
        (),
    )
    span = Span(0, 0, 5, "dhana", tuple(tokenize("dhana")), 0.0, False)
    readings = [Reading(Inflected("dhana"), (listed, meant))]
    matcher = Matcher(combiner(), Thresholds())
    alone = matcher.decide(span, readings, Surroundings())
    explained = matcher.decide(span, readings, Surroundings(context="meditation, which is ___ or contemplation"))
    assert alone is not None
    assert explained is not None
    assert alone.best.candidate.term == "dhana"
    assert explained.best.probability < alone.best.probability or explained.best.candidate.term == "dhyāna"
