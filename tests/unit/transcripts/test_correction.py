"""The correction against a small lexicon in memory: what it does, and what it must never do."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shodhana.transcripts.domain.matcher import Status, Thresholds
from shodhana.transcripts.domain.ports import ServiceMissing

from tests.unit.transcripts.small_lexicon import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize(
    ("heard", "right"),
    [
        ("He spoke of bhakthi.", "He spoke of bhakti."),
        ("Krishna's flute and KRISHNA.", "Kṛṣṇa's flute and Kṛṣṇa."),
        ("Those sanskars remain.", "Those saṃskāras remain."),
        ("The gopis did not ask.", "The gopīs did not ask."),
        ("Now vishnu maya plays.", "Now viṣṇumāyā plays."),
        ("the Brahma randhra opens", "the Brahmarandhra opens"),
        ("This is karma yoga.", "This is karmayoga."),
        ("Rajas obscures, the rajas obscures.", "Rajas obscures, the rajas obscures."),
    ],
)
async def test_terms_are_restored_with_capitals_and_endings_kept(bench: Bench, heard: str, right: str) -> None:
    assert await bench.text(heard) == right


@pytest.mark.parametrize(
    "text",
    [
        "One by one they came, treading softly, at 10:30 on the 2nd.",
        "The yoga of karma is for everybody.",
        "Śrīmad Śrīmad is doubled by nobody.",
        "bhakti and Kṛṣṇa stand right already",
        "योगः कर्मसु कौशलम्",
        "Mr. Baker met the banker in a bakery.",
        "mail me at krishna@example.org or see https://krishna.example/bhakthi",
    ],
)
async def test_what_is_right_or_english_or_no_word_stays(bench: Bench, text: str) -> None:
    assert await bench.text(text) == text


async def test_an_edit_never_doubles_the_word_beside_it(bench: Bench) -> None:
    result = await bench.text("Then Shrimad bhagavata purana begins.")
    words = result.lower().split()
    assert all(a != b for a, b in itertools.pairwise(words))


async def test_anglicised_terms_are_restored_on_demand(bench: Bench) -> None:
    restored = await bench.text("yog and Karma", thresholds=Thresholds(keep_anglicised=False))
    assert restored == "yoga and Karma"


async def test_where_people_decide_nothing_is_applied(bench: Bench) -> None:
    corrected = await bench.correct("bhakthi", thresholds=Thresholds(may_apply=False))
    assert corrected.content == b"bhakthi"
    assert [one.decision.status for one in corrected.corrections] == [Status.SUGGESTED]
    assert corrected.requires_review


async def test_one_search_serves_the_whole_transcript(bench: Bench) -> None:
    await bench.correct("bhakthi dhyan\n" * 50)
    assert bench.lexicon.calls <= 2  # one for all forms, one for what is doubtful


async def test_a_degraded_search_applies_listed_spellings_only(bench: Bench) -> None:
    bench.lexicon.degraded = True
    corrected = await bench.correct("bhakthi and praarabdhaz")
    applied = [c.decision.span.text for c in corrected.corrections if c.decision.status is Status.APPLIED]
    assert applied == ["bhakthi"]
    assert corrected.degradations
    assert corrected.requires_review


async def test_without_scores_the_correction_stands_and_review_is_forced(bench: Bench) -> None:
    bench.scores.is_down = True
    corrected = await bench.correct("bhakthi")
    assert corrected.content == b"bhakti"
    assert corrected.quality is None
    assert corrected.requires_review


async def test_without_candidates_nothing_is_half_done(bench: Bench) -> None:
    bench.lexicon.is_down = True
    with pytest.raises(ServiceMissing):
        await bench.correct("bhakthi")


async def test_doubtful_places_are_queued_once_with_their_context(bench: Bench) -> None:
    doubtful = Thresholds(apply=0.99, suggest=0.5)
    for _ in range(2):
        corrected = await bench.correct("A line.\nOf bhakthi here.\nThe end.", thresholds=doubtful, request_id="r1")
    assert len(bench.cases.requests) == 1
    [[place]] = bench.cases.requests.values()
    assert place.context[place.context_start :].startswith("bhakthi")
    assert (place.cue, place.start, place.end) == (2, 3, 10)
    assert [c.review_case for c in corrected.corrections] == ["reviewCases/2"]
    assert corrected.content == b"A line.\nOf bhakthi here.\nThe end."


async def test_validate_only_queues_and_stores_nothing(bench: Bench) -> None:
    await bench.correct("bhakthi", thresholds=Thresholds(apply=0.99), validate_only=True)
    assert not bench.cases.requests
    assert not bench.scores.asked[0].store


async def test_terms_are_told_at_their_places_in_the_corrected_text(bench: Bench) -> None:
    await bench.correct("dhyan, then dhyan and Krishna")
    asked = bench.scores.asked[0]
    found = [asked.corrected[0][term.start : term.end] for term in asked.terms]
    assert found == ["dhyāna", "dhyāna", "Kṛṣṇa"]


async def test_recogniser_json_keeps_its_times(bench: Bench) -> None:
    segments = [{"start": 0.5, "end": 2.0, "text": " of bhakthi", "words": [{"word": " of"}, {"word": " bhakthi"}]}]
    corrected = await bench.correct(json.dumps({"segments": segments}), "talk.json")
    [segment] = json.loads(corrected.content)["segments"]
    assert segment["text"] == " of bhakti"
    assert segment["words"][1]["word"] == " bhakti"
    assert (segment["start"], segment["end"]) == (0.5, 2.0)
    assert corrected.filename == "talk.corrected.json"


words = st.sampled_from(
    [
        "bhakthi",
        "Krishna",
        "krishna's",
        "the",
        "of",
        "dhyan",
        "sanskars",
        "vishnu maya",
        "yoga",
        "morning",
        "zzyq",
        "ātman",
    ]
)
lines = st.lists(st.lists(words, min_size=1, max_size=6).map(" ".join), min_size=1, max_size=5).map("\n".join)


@settings(deadline=None, max_examples=60)
@given(lines)
async def test_correcting_twice_changes_nothing_more_and_english_is_untouched(text: str) -> None:
    bench = Bench()
    once = await bench.text(text)
    assert await bench.text(once) == once
    assert len(once.splitlines()) == len(text.splitlines())
    for before, after in zip(text.splitlines(), once.splitlines(), strict=True):
        english = [word for word in before.split() if word in ("the", "of", "morning", "yoga", "zzyq")]
        assert [word for word in after.split() if word in ("the", "of", "morning", "yoga", "zzyq")] == english


@pytest.mark.parametrize(
    "text",
    [
        "My friend Krishna is here.",
        "our dear friend, Krishna, said so",
        "Then Dr. Krishna spoke.",
        "I asked my son\nKrishna.",
    ],
)
async def test_what_may_be_a_persons_name_is_asked(bench: Bench, text: str) -> None:
    corrected = await bench.correct(text)
    [correction] = corrected.corrections
    assert (corrected.content.decode(), correction.decision.status) == (text, Status.SUGGESTED)
    assert correction.review_case
    assert correction.decision.best.reasons[-1] == "may be a person's name here"


@pytest.mark.parametrize(
    "text", ["His friend Krishna", "My friend, bhakthi is love.", "Mr. Jones spoke. Krishna smiled."]
)
async def test_a_god_is_no_person_and_an_address_no_name(bench: Bench, text: str) -> None:
    assert await bench.text(text) != text
