"""The metre of lines, and that English has none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from shodhana.similarity.domain.importers import Provenance, parse
from shodhana.similarity.domain.metre import Metre, metre_of, weights_of

RECITED_IN_A_TALK = "avilbhūtam ca sustidyau prakṛte puruṣad parām"


def test_syllables_are_heavy_by_vowel_or_by_consonants() -> None:
    assert weights_of("karmaṇy evādhikāras te") == "GGGGLGGG"
    assert weights_of("mā phaleṣu kadācana") == "GLGLLGLL"


@pytest.mark.parametrize(
    ("text", "metre"),
    [
        ("karmaṇy evādhikāras te mā phaleṣu kadācana", Metre("anuṣṭubh", "pathyā")),
        ("yadā saṃharate cāyaṃ kūrmo 'ṅgānīva sarvaśaḥ", Metre("anuṣṭubh", "pathyā")),
        ("indriyāṇi parāṇy āhur indriyebhyaḥ paraṃ manaḥ", Metre("anuṣṭubh", "pathyā")),
        ("vāsāṃsi jīrṇāni yathā vihāya navāni gṛhṇāti naro 'parāṇi", Metre("upajāti", "indravajrā, upendravajrā")),
        ("tvam ādidevaḥ puruṣaḥ purāṇaḥ", Metre("upendravajrā")),
        ("śāntākāraṃ bhujagaśayanaṃ padmanābhaṃ sureśam", Metre("mandākrāntā")),
        ("yā kundendutuṣārahāradhavalā yā śubhravastrāvṛtā", Metre("śārdūlavikrīḍita")),
        ("namas te sadā vatsale mātṛbhūme", Metre("bhujaṅgaprayāta")),
        ("adharaṃ madhuraṃ vadanaṃ madhuraṃ", Metre("toṭaka")),
        ("na jāyate mriyate vā kadācin nāyaṃ bhūtvā bhavitā vā na bhūyaḥ", Metre("triṣṭubh")),
    ],
)
def test_a_line_is_in_its_metre(text: str, metre: Metre) -> None:
    assert metre_of(text) == metre


@pytest.mark.parametrize(
    "text",
    [
        "",
        "oṃ",
        "yogaś cittavṛttinirodhaḥ",
        "karmanye vadhikaraste ma phaleshu kadachana",
        "The ātman is not the body and the buddhi is not the ātman",
        "Śrī Kṛṣṇa said to Arjuna that dharma is the highest",
        "Ünïcode ∑ ātmā",
        "धर्मक्षेत्रे कुरुक्षेत्रे",
    ],
)
def test_prose_single_words_and_what_hides_its_lengths_have_none(text: str) -> None:
    assert metre_of(text) is None


def test_most_verses_of_the_gita_are_in_metre_and_no_sutra_but_one_by_chance(shared_data: Path) -> None:
    """The rest of the Gītā are misprints of the file and lines of eleven syllables mixed with twelve."""
    gita = parse((shared_data / "lexicon" / "gita_verses.json").read_bytes(), None, Provenance()).verses
    found = [metre_of(" ".join(verse.spoken)) for verse in gita]
    assert sum(metre is not None for metre in found) >= 0.92 * len(gita)
    assert {metre.name for metre in found if metre} >= {"anuṣṭubh", "upajāti", "triṣṭubh"}
    sutras = parse((shared_data / "lexicon" / "yoga_sutra.tei.xml").read_bytes(), None, Provenance()).verses
    assert sum(metre_of(verse.text) is not None for verse in sutras) <= 1


def test_no_cue_of_a_talk_is_in_metre_but_the_one_that_recites(shared_data: Path) -> None:
    spoken = [
        segment["text"].strip()
        for path in sorted((shared_data / "asr").glob("*.whisper.json"))
        for segment in json.loads(path.read_text())["segments"]
    ]
    written = [
        sentence
        for path in sorted((shared_data / "asr").glob("*.txt"))
        for line in path.read_text().splitlines()
        for sentence in line.split(".")
    ]
    assert len(spoken) + len(written) > 4500
    assert {text for text in spoken + written if metre_of(text)} <= {RECITED_IN_A_TALK}
