"""Recited verses in transcripts: recognised across cues, suggested, and never written into the file."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shodhana.similarity.domain.metre import metre_of
from shodhana.similarity.domain.verse_index import VerseIndex
from shodhana.similarity.domain.verses import shipped_verses
from shodhana.stack.places import VERSES
from shodhana.transcripts.composition import build_cases, build_corrector
from shodhana.transcripts.domain.corrected import Corrected
from shodhana.transcripts.domain.english import WordFrequencies
from shodhana.transcripts.domain.matcher import Status, Thresholds
from shodhana.transcripts.domain.pipeline import TranscriptCorrector
from shodhana.transcripts.domain.ports import ServiceMissing
from shodhana.transcripts.domain.stretches import stretches_of
from shodhana.transcripts.domain.verses import Recitation, RecitedText, RecitedVerse, VerseRecogniser
from shodhana.transcripts.settings import TranscriptsSettings

from tests.unit.transcripts.small_lexicon import Bench

IDENTIFIED = "scriptural identification: BG 2.47"
HEARD = "karmanye vadhikaraste ma phaleshu kadachana the work is yoga krishna bhakthi dhyan and you, of so\n"
LECTURE = (
    "1\n00:00:01,000 --> 00:00:04,000\nThen the Lord says to Arjuna, Karmanye vadhikaraste ma phaleshu\n\n"
    "2\n00:00:04,500 --> 00:00:08,000\nkadachana, you have a right to the work.\n\n"
    "3\n00:00:30,000 --> 00:00:34,000\nThat is bhakthi, and krishna smiles.\n"
)


class LocalVerses:
    """The port `VerseSearch` over the index itself."""

    def __init__(self) -> None:
        self.index = VerseIndex(shipped_verses(VERSES))
        self.is_down = False

    async def find(self, texts: Sequence[str], min_confidence: float) -> tuple[list[RecitedText], str]:
        if self.is_down:
            raise ServiceMissing("down")
        return [self._recited(text, min_confidence) for text in texts], self.index.version

    def _recited(self, text: str, min_confidence: float) -> RecitedText:
        found = [one for one in self.index.find(text) if one.confidence >= min_confidence]
        recitations = [
            Recitation(one.start, one.end, one.verse.reference, one.lines, "", "", one.confidence, ("closest verse",))
            for one in found
        ]
        return RecitedText(tuple(recitations), str(metre_of(text) or ""))


class VerseBench(Bench):
    """A corrector that searches verses too."""

    def __init__(self) -> None:
        super().__init__()
        self.verses, english = LocalVerses(), WordFrequencies()
        recogniser = VerseRecogniser(self.verses, english, self.cases)
        self.corrector = TranscriptCorrector(self.lexicon, self.scores, self.cases, english, verses=recogniser)


@pytest.fixture
def bench() -> VerseBench:
    return VerseBench()


async def recited(bench: VerseBench, text: str, filename: str = "talk.txt") -> tuple[RecitedVerse, ...]:
    return (await bench.correct(text, filename)).recognised.verses


async def test_a_line_over_two_cues_is_one_verse_at_its_place(bench: VerseBench) -> None:
    corrected = await bench.correct(LECTURE, "talk.srt")
    [verse] = corrected.recognised.verses
    assert verse.recitation.reference == "BG 2.47"
    assert verse.heard == "Karmanye vadhikaraste ma phaleshu kadachana"
    assert (verse.start.cue, verse.start.character, verse.end.cue, verse.end.character) == (1, 30, 2, 9)
    assert (verse.start_ms, verse.end_ms) == (1000, 8000)
    assert corrected.recognised.index == bench.verses.index.version


async def test_a_verse_is_never_written_into_the_file(bench: VerseBench) -> None:
    corrected = await bench.correct(LECTURE, "talk.srt")
    expected = LECTURE.replace("bhakthi", "bhakti").replace("krishna", "kṛṣṇa")
    assert corrected.content.decode() == expected


async def test_no_word_of_a_verse_is_corrected_to_one_it_does_not_have(bench: VerseBench) -> None:
    """Alone, "dhyan" would be corrected; recited, it is a part of dhyāyato."""
    assert "dhyāna" in await bench.text("He sat in dhyan.")
    corrected = await bench.correct("dhyan yato vishayan pumsah sangas teshupajayate")
    assert [verse.recitation.reference for verse in corrected.recognised.verses] == ["BG 2.62"]
    assert [one.decision.best.text for one in corrected.corrections if one.decision.status is Status.APPLIED] == []


async def test_words_that_the_verse_has_are_suggested(bench: VerseBench) -> None:
    text = "siddhyasiddhyoh samo bhutva samatvam yog uchyate"
    corrected = await bench.correct(text, thresholds=Thresholds(keep_anglicised=False))
    assert [verse.recitation.reference for verse in corrected.recognised.verses] == ["BG 2.48"]
    assert corrected.texts == (text,)
    assert [(one.decision.best.text, one.decision.status) for one in corrected.corrections] == [
        ("yoga", Status.SUGGESTED)
    ]


async def test_a_word_that_is_named_and_not_recited_is_corrected_if_the_verse_has_it(bench: VerseBench) -> None:
    """YS 2.3 joins them: avidyāsmitārāgadveṣābhiniveśāḥ."""
    text = "The five are {}, asmita, raga, dvesha and abhinivesha."
    corrected = await bench.correct(text.format("avidya"))
    assert [verse.recitation.reference for verse in corrected.recognised.verses] == ["YS 2.3"]
    assert corrected.texts == (text.format("avidyā"),)
    other = await bench.correct(text.format("bhakthi"))
    assert [verse.recitation.reference for verse in other.recognised.verses] == ["YS 2.3"]
    assert other.texts == (text.format("bhakthi"),)


async def test_words_of_a_verse_are_settled_by_the_case_of_the_verse(bench: VerseBench) -> None:
    text = "siddhyasiddhyoh samo bhutva samatvam yog uchyate"
    corrected = await bench.correct(text, thresholds=Thresholds(keep_anglicised=False))
    assert [one.review_case for one in corrected.corrections] == [""]
    assert [bool(verse.review_case) for verse in corrected.recognised.verses] == [True]
    assert [len(places) for places in bench.cases.requests.values()] == [1]


async def test_each_verse_becomes_a_case_of_scriptural_identification(bench: VerseBench) -> None:
    corrected = await bench.correct(LECTURE, "talk.srt", request_id="5f0f3c52-6c0e-4b0e-9d5a-2f1f6a0c7b11")
    await bench.correct(LECTURE, "talk.srt", request_id="5f0f3c52-6c0e-4b0e-9d5a-2f1f6a0c7b11")
    [verse] = corrected.recognised.verses
    assert verse.review_case == "reviewCases/1"
    [places] = [
        places for places in bench.cases.requests.values() if places[0].suggestions[0].candidate.gloss[:5] == "scrip"
    ]
    [place] = places
    assert place.heard == "Karmanye vadhikaraste ma phaleshu"
    assert place.context[place.context_start :].startswith(place.heard)


@pytest.mark.parametrize(
    ("text", "is_open"),
    [
        ("karmanye vadhikaraste ma phaleshu kadachana", True),
        ("Karmaṇy evādhikāras te mā phaleṣu kadācana.", False),
        ("karmaṇyevādhikāraste mā phaleṣu kadācana", False),
    ],
)
async def test_a_verse_that_stands_there_already_asks_nobody(bench: VerseBench, text: str, is_open: bool) -> None:
    corrected = await bench.correct(text)
    [verse] = corrected.recognised.verses
    assert (verse.recitation.reference, verse.is_open, corrected.requires_review) == ("BG 2.47", is_open, is_open)
    assert bool(verse.review_case) is is_open


async def test_without_verses_the_correction_goes_on_and_says_so(bench: VerseBench) -> None:
    bench.verses.is_down = True
    corrected = await bench.correct(LECTURE, "talk.srt")
    assert corrected.recognised.verses == ()
    assert "verses were not searched for" in corrected.degradations
    assert "bhakti" in corrected.content.decode()


@pytest.mark.parametrize(("epic_3", "asked"), [(True, 2), (False, 1)])
async def test_the_core_engine_alone_searches_no_verses(epic_3: bool, asked: int) -> None:
    """Terms and verses each have a channel to the similarity service."""
    services: list[str] = []

    def channel(service: str) -> grpc.aio.Channel:
        services.append(service)
        return grpc.aio.insecure_channel("localhost:1")

    settings = TranscriptsSettings(enable_epic_3=epic_3)
    build_corrector(channel, settings, build_cases(channel, settings))
    assert services.count("similarity") == asked


async def test_without_review_a_verse_is_told_all_the_same(bench: VerseBench) -> None:
    bench.cases.is_down = True
    corrected = await bench.correct(LECTURE, "talk.srt")
    assert [verse.review_case for verse in corrected.recognised.verses] == [""]
    assert "the verses could not be queued for review" in corrected.degradations


async def test_a_line_of_an_unknown_text_is_told_by_its_metre(bench: VerseBench) -> None:
    [verse] = await recited(bench, "He began so.\nśāntākāraṃ bhujagaśayanaṃ padmanābhaṃ sureśam\nAnd then he stopped.")
    assert (verse.recitation.reference, verse.recitation.metre) == ("", "mandākrāntā")
    assert verse.start.cue == verse.end.cue == 2


@pytest.mark.parametrize(
    "text",
    [
        "Nobody can escape prarabda, they say. The arrow has left the bow.",
        "Radha did not ask. The gopis did not ask.",
        "The eight limbs begin with yama and niyam, and Patanjali calls the first ahinsa.",
        "It is raining, and the lecture is over.",
    ],
)
async def test_terms_among_english_are_no_verse(bench: VerseBench, text: str) -> None:
    assert await recited(bench, text) == ()


async def test_a_verse_after_a_long_pause_is_another_stretch(bench: VerseBench) -> None:
    parted = LECTURE.replace("00:00:04,500", "00:00:24,500").replace("00:00:08,000", "00:00:28,000")
    transcript = (await bench.correct(parted, "talk.srt")).transcript
    assert not any("phaleshu kadachana" in one.text for one in stretches_of(transcript.cues, WordFrequencies()))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(HEARD.split(" ")), max_size=30))
async def test_recognising_verses_makes_no_edit(words: list[str]) -> None:
    """What is written with verses is written without: at most some corrections are spared."""
    text = " ".join(words) + " end"
    with_verses, without = await VerseBench().correct(text), await Bench().correct(text)
    assert _applied(with_verses) <= _applied(without)
    assert all(verse.start.character >= 0 for verse in with_verses.recognised.verses)


def _applied(corrected: Corrected) -> set[tuple[tuple[int, int, int], str]]:
    kept = (one.decision for one in corrected.corrections if one.decision.status is Status.APPLIED)
    return {(decision.span.place, decision.best.text) for decision in kept}
