"""Which verse is recited: whatever a recogniser made of it, and never where none is."""

from __future__ import annotations

import itertools
import json
import random
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shodhana.similarity.domain.importers import Provenance, parse
from shodhana.similarity.domain.lexicon import Verse
from shodhana.similarity.domain.verse_index import Recitation, VerseIndex
from shodhana.similarity.domain.verses import shipped_verses
from shodhana.sound.garble import garbler
from shodhana.sound.units import units_of_iast
from shodhana.stack.places import VERSES

SURE = 0.9


@pytest.fixture(scope="module")
def index() -> VerseIndex:
    return VerseIndex(shipped_verses(VERSES))


@pytest.fixture(scope="module")
def whole_texts(shared_data: Path) -> VerseIndex:
    """The Gītā and the Yogasūtra as imported."""
    folder = shared_data / "lexicon"
    names = ("gita_verses.json", "yoga_sutra.tei.xml")
    return VerseIndex([v for name in names for v in parse((folder / name).read_bytes(), None, Provenance(name)).verses])


def best(index: VerseIndex, text: str) -> Recitation:
    found = index.find(text)
    assert found, f"nothing found in {text!r}"
    return found[0]


@pytest.mark.parametrize(
    ("heard", "reference"),
    [
        ("karmanye vadhikaraste ma phaleshu kadachana", "BG 2.47"),
        ("karmanyevadhikaraste ma phalesu", "BG 2.47"),
        ("Karmanye vadi karas te ma pale shu kadachan", "BG 2.47"),
        ("कर्मण्येवाधिकारस्ते मा फलेषु कदाचन", "BG 2.47"),
        ("karmaṇy evādhikāras te mā phaleṣu kadācana", "BG 2.47"),
        ("yada yada hidarmas ya glaani bavati barata", "BG 4.7"),
        ("yogas chitta vritti nirodhaha", "YS 1.2"),
        ("asato ma sadgamaya tamaso ma jyotirgamaya", "BU 1.3.28"),
        ("om trayambakam yajamahe sugandhim pushti vardhanam", "RV 7.59.12"),
    ],
)
def test_a_garbled_line_is_the_verse(index: VerseIndex, heard: str, reference: str) -> None:
    found = best(index, heard)
    assert found.verse.reference == reference
    assert found.confidence > SURE


def test_the_place_is_that_of_the_recited_words(index: VerseIndex) -> None:
    text = "He says it: karmanye vadhikaraste ma phaleshu kadachana, you have a right to the work."
    found = best(index, text)
    assert text[found.start : found.end] == "karmanye vadhikaraste ma phaleshu kadachana"
    assert found.lines == ("karmaṇy evādhikāras te mā phaleṣu kadācana",)


@pytest.mark.parametrize("before", ["says ", "As Krishna says ", "once more. ", ""])
@pytest.mark.parametrize("after", [", and this", ". That is", ""])
def test_words_beside_a_verse_are_not_of_it(index: VerseIndex, before: str, after: str) -> None:
    line = "krodhat bhavati sammohah sammohat smriti vibhramah"
    found = best(index, f"{before}{line}{after}")
    assert (found.start, found.end) == (len(before), len(before) + len(line))


def test_lines_of_one_verse_are_one_recitation(index: VerseIndex) -> None:
    text = "yada yada hi dharmasya glanir bhavati bharata abhyutthanam adharmasya tadatmanam srijamyaham"
    [found] = [one for one in index.find(text) if one.confidence > SURE]
    assert (found.verse.reference, len(found.lines), found.start, found.end) == ("BG 4.7", 2, 0, len(text))


def test_two_verses_in_a_text_are_two(index: VerseIndex) -> None:
    text = "dhyayato vishayan pumsah sangas teshupajayate, and then, krodhad bhavati sammohah sammohat smriti vibhramah"
    found = [one.verse.reference for one in index.find(text) if one.confidence > SURE]
    assert sorted(found) == ["BG 2.62", "BG 2.63"]


def test_the_second_line_tells_verses_apart_that_share_their_first(index: VerseIndex) -> None:
    shared = "manmana bhava madbhakto madyaji mam namaskuru"
    alone = best(index, shared)
    assert {alone.verse.reference, *alone.alternatives} == {"BG 9.34", "BG 18.65"}
    told = best(index, f"{shared} mamevaishyasi satyam te pratijane priyosi me")
    assert (told.verse.reference, told.alternatives) == ("BG 18.65", ())


@pytest.mark.parametrize(
    "text",
    [
        "The kundalini rises through the sushumna to the sahasrara.",
        "Kurukshetra, Krishna, Arjuna and Dhritarashtra",
        "Now somebody will ask me, is this not fate? No, it is not fate.",
        "",
        "12:30",
    ],
)
def test_what_recites_nothing_is_no_verse(index: VerseIndex, text: str) -> None:
    assert [one for one in index.find(text) if one.confidence > SURE] == []


@given(st.text(alphabet="abcdefghiklmnoprstuvyāīṛṣ ,.'\n", max_size=200))
def test_places_lie_in_the_text_and_apart(index: VerseIndex, text: str) -> None:
    found = sorted(index.find(text), key=lambda one: one.start)
    assert all(0 <= one.start < one.end <= len(text) and 0 <= one.confidence <= 1 for one in found)
    assert all(one.end <= other.start for one, other in itertools.pairwise(found))


def test_shipped_verses_have_different_references_and_say_where_they_come_from() -> None:
    verses = shipped_verses(VERSES)
    assert len({verse.reference for verse in verses}) == len(verses) > 50
    assert {verse.license for verse in verses} == {"CC0-1.0"}
    assert all(verse.source.startswith("verses/") for verse in verses)


def test_shipped_verses_are_those_of_the_imported_texts(index: VerseIndex, whole_texts: VerseIndex) -> None:
    """Letter by letter, but for spaces and nasals, which editions write in different ways."""
    known = {verse.reference: _letters(verse.text) for verse in whole_texts.verses}
    shared = [verse for verse in index.verses if verse.reference in known]
    assert len(shared) > 40
    assert [verse.reference for verse in shared if _letters(verse.text) != known[verse.reference]] == []


def _letters(text: str) -> str:
    return re.sub("[^a-zāīūṛṇśṣḥ]", "", re.sub("[mṃṅñ]", "n", text))


def test_an_index_is_named_by_its_verses() -> None:
    one, two = Verse("a", "X 1", "om", ""), Verse("a", "X 2", "hariḥ oṃ", "")
    assert VerseIndex([one, two]).version == VerseIndex([two, one]).version != VerseIndex([one]).version
    assert VerseIndex(()).find("karmanye vadhikaraste") == []


def test_most_lines_of_whole_texts_are_found_however_garbled(whole_texts: VerseIndex) -> None:
    chance = random.Random(5)
    verses = [verse for verse in whole_texts.verses if len(verse.text) > 18]
    right = sum(_is_found(whole_texts, verse, chance) for verse in chance.sample(verses, 150))
    assert right >= 0.94 * 150


def _is_found(index: VerseIndex, verse: Verse, chance: random.Random) -> bool:
    line = chance.choice(verse.spoken)
    found = index.find(_garbled(line, chance))
    return bool(found) and verse.reference in {found[0].verse.reference, *found[0].alternatives}


def _garbled(line: str, chance: random.Random) -> str:
    """Words heard wrong, and split where no border is."""
    ear = garbler(chance.randrange(10_000), roughness=0.8)
    words = (ear.hear(units_of_iast(word)) for word in re.sub("['’]", "", line).split())
    parts = (f"{word[:5]} {word[5:]}" if len(word) > 9 else word for word in words)
    return " ".join(parts)


def test_no_english_cue_is_a_verse(whole_texts: VerseIndex, shared_data: Path) -> None:
    """Three talks as recognised. Lines that are chanted there are Sanskrit, and not from these texts."""
    cues = [
        segment["text"]
        for path in sorted((shared_data / "asr").glob("*.whisper.json"))
        for segment in json.loads(path.read_text())["segments"]
    ]
    assert len(cues) > 4000
    joined = [" ".join(cues[at : at + 3]) for at in range(0, len(cues), 3)]
    assert [text for text in joined for one in whole_texts.find(text) if one.confidence > SURE] == []
