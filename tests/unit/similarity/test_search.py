"""Hybrid search: what each leg adds, what filters, limits and failures do."""

from __future__ import annotations

from typing import Any

import pytest
from shodhana.similarity.domain.index import Model
from shodhana.similarity.domain.query import Candidate, Condition, Filter, Fusion, Kind, Mode, Options, Query
from shodhana.similarity.domain.search import ALIAS_SCORE, Searcher


async def search(searcher: Searcher, heard: str, options: Options | None = None, context: str = "") -> list[Candidate]:
    found = await searcher.search([Query(heard, context)], options or Options())
    return list(found.lists[0])


def kinds(candidate: Candidate) -> set[Kind]:
    return {reason.kind for reason in candidate.reasons}


async def test_the_term_itself_scores_one_and_says_so(searcher: Searcher) -> None:
    best = (await search(searcher, "Bhakti"))[0]
    assert (best.entry.term, best.score) == ("bhakti", 1.0)
    assert best.reasons[0].text == "spelled as in the glossary"


@pytest.mark.parametrize(
    ("heard", "term", "reason"),
    [
        ("gyan", "jñāna", "a popular spelling of jñāna"),
        ("bhakthi", "bhakti", "a popular spelling of bhakti"),
        ("moksha", "mokṣa", "differs by popular spelling only"),
    ],
)
async def test_a_popular_spelling_comes_first_and_says_so(
    searcher: Searcher, heard: str, term: str, reason: str
) -> None:
    best = (await search(searcher, heard))[0]
    assert best.entry.term == term
    assert best.score >= ALIAS_SCORE
    assert reason in [given.text for given in best.reasons]


async def test_a_garbled_term_is_found_by_sound_and_spelling(searcher: Searcher) -> None:
    best = (await search(searcher, "baktee"))[0]
    assert best.entry.term == "bhakti"
    assert {Kind.PHONETIC, Kind.LEXICAL} <= kinds(best)
    assert best.score < ALIAS_SCORE


async def test_context_tells_terms_apart_that_sound_alike(searcher: Searcher) -> None:
    options = Options(mode=Mode.HYBRID)
    of_knowledge = await search(searcher, "dyana", options, "the path of ___ is knowledge of the self")
    of_meditation = await search(searcher, "dyana", options, "sit in ___, silent meditation")
    scores = [
        {candidate.entry.term: candidate.score for candidate in candidates}
        for candidates in (of_knowledge, of_meditation)
    ]
    assert scores[0]["jñāna"] > scores[1]["jñāna"]
    assert scores[1]["dhyāna"] > scores[0]["dhyāna"]
    assert of_meditation[0].entry.term == "dhyāna"


async def test_a_description_finds_the_term_by_its_gloss(searcher: Searcher) -> None:
    best = (await search(searcher, "liberation", Options(mode=Mode.SEMANTIC)))[0]
    assert (best.entry.term, kinds(best)) == ("mokṣa", {Kind.SEMANTIC})


@pytest.mark.parametrize("mode", list(Mode))
async def test_scores_fall_and_stay_between_nought_and_one(searcher: Searcher, mode: Mode) -> None:
    for fusion in Fusion:
        found = await search(searcher, "bhakty", Options(limit=100, mode=mode, fusion=fusion), "___ is devotion")
        scores = [candidate.score for candidate in found]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)
        assert len(found) == 6


async def test_reciprocal_ranks_put_first_what_all_legs_put_first(searcher: Searcher) -> None:
    best = (await search(searcher, "bhaktee", Options(fusion=Fusion.RRF)))[0]
    assert best.entry.term == "bhakti"


@pytest.mark.parametrize(
    ("chosen", "terms"),
    [
        (Filter(must=(Condition("domain", ("philosophical",)),)), {"jñāna", "mokṣa"}),
        (Filter(must_not=(Condition("domain", ("spiritual", "general")),)), {"jñāna", "mokṣa"}),
        (Filter(should=(Condition("field", ("music",)), Condition("field", ("yoga",)))), {"gāna", "dhyāna"}),
        (
            Filter(
                must=(Condition("domain", ("spiritual",)),),
                should=(Condition("field", ("bhakti",)), Condition("field", ("vedanta",))),
            ),
            {"bhakti"},
        ),
        (Filter(must=(Condition("domain", ("scriptural",)),)), set()),
    ],
)
@pytest.mark.parametrize("mode", [Mode.HYBRID, Mode.LEXICAL, Mode.PHONETIC, Mode.SEMANTIC])
async def test_a_filter_keeps_exactly_what_passes(
    searcher: Searcher, chosen: Filter, terms: set[str], mode: Mode
) -> None:
    options = Options(limit=10, filter=chosen, mode=mode)
    assert {candidate.entry.term for candidate in await search(searcher, "bhakti", options)} == terms
    assert searcher.eligible_count(options) == len(terms)


async def test_candidates_below_the_threshold_are_left_out(searcher: Searcher) -> None:
    every = await search(searcher, "baktee", Options(limit=10))
    threshold = every[1].score
    kept = await search(searcher, "baktee", Options(limit=10, score_threshold=threshold))
    assert kept == [candidate for candidate in every if candidate.score >= threshold]
    assert len(kept) < len(every)


async def test_no_group_gives_more_than_its_share(searcher: Searcher) -> None:
    found = await search(searcher, "bhakti", Options(limit=10, group_by="domain", group_size=1))
    domains = [candidate.entry.domain for candidate in found]
    assert sorted(domains) == ["general", "philosophical", "spiritual"]
    assert found[0].entry.term == "bhakti"


async def test_each_query_of_a_batch_gets_what_it_gets_alone(searcher: Searcher) -> None:
    queries = [Query("baktee"), Query("moksha", "freedom, ___, liberation"), Query("baktee"), Query("zzz")]
    together = await searcher.search(queries, Options())
    alone = [await searcher.search([query], Options()) for query in queries]
    for found, one in zip(together.lists, alone, strict=True):
        assert [candidate.entry for candidate in found] == [candidate.entry for candidate in one.lists[0]]
        assert [candidate.score for candidate in found] == pytest.approx(
            [candidate.score for candidate in one.lists[0]], abs=1e-5
        )


async def test_a_batch_asks_once_for_each_model(searcher: Searcher, vectorizer: Any) -> None:
    queries = [Query(f"word{number}", f"context {number % 3} ___") for number in range(40)]
    await searcher.search(queries, Options())
    assert vectorizer.asked == [(Model.PHONETIC, 40), (Model.SEMANTIC, 3)]


async def test_without_the_embedding_service_spelling_answers_and_the_answer_says_so(
    searcher: Searcher, vectorizer: Any
) -> None:
    vectorizer.is_down = True
    found = await searcher.search([Query("baktee")], Options())
    assert found.degraded
    assert found.path is None
    assert found.lists[0][0].entry.term == "bhakti"
    assert kinds(found.lists[0][0]) == {Kind.LEXICAL, Kind.SOUND}


async def test_spelling_alone_by_configuration_is_not_degraded(spelling_searcher: Searcher) -> None:
    found = await spelling_searcher.search([Query("baktee", "___ is devotion")], Options())
    assert not found.degraded
    assert found.lists[0][0].entry.term == "bhakti"


async def test_the_lexical_mode_asks_for_no_vectors(searcher: Searcher, vectorizer: Any) -> None:
    found = await searcher.search([Query("baktee", "___ is devotion")], Options(mode=Mode.LEXICAL))
    assert vectorizer.asked == []
    assert not found.degraded


@pytest.mark.parametrize("heard", ["…", "123", " ", "🙏", "ॐ"])
async def test_what_holds_no_latin_letter_is_answered_too(searcher: Searcher, heard: str) -> None:
    assert all(candidate.score < 0.5 for candidate in await search(searcher, heard))


async def test_a_form_heard_lately_is_not_compared_again(searcher: Searcher) -> None:
    queries = [Query("dhyan", "sit still for ___ every day"), Query("gyan", "the path of ___ is knowing")]
    first = await searcher.search(queries, Options())
    again = await searcher.search(queries, Options())
    assert (again.lists, again.path) == (first.lists, first.path)
    assert again.compared == 0 < first.compared
