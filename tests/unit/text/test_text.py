"""Normal forms, folds and tokens."""

from __future__ import annotations

import timeit
import unicodedata
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shodhana.stack.places import GLOSSARY
from shodhana.text.fold import popular_fold, sound_key
from shodhana.text.iast import breaches, is_iast
from shodhana.text.normalize import nfc, refused_characters, to_iast
from shodhana.text.scripts import has_iast_diacritics
from shodhana.text.tokens import tokenize
from shodhana.text.transliterate import devanagari_of, devanagari_of_line, iast_of_devanagari, iast_of_slp1


@pytest.mark.parametrize(
    "spellings",
    [
        ("Kṛṣṇa", "Krishna", "krisna"),
        ("śakti", "shakti", "sakti"),
        ("saṃskāra", "samskara", "sanskar", "sanskaara"),
        ("jñāna", "gyan", "jnana", "gnana"),
        ("citta", "chitta", "chita"),
        ("viṣṇumāyā", "vishnumaya", "vishnu maya"),
        ("viveka", "wiwek"),
    ],
)
def test_popular_spellings_of_a_word_fold_together(spellings: tuple[str, ...]) -> None:
    assert len({popular_fold(spelling) for spelling in spellings}) == 1


def test_different_words_keep_different_folds() -> None:
    words = ["bhakti", "baki", "dhyāna", "dāna", "jñāna", "mukti", "śakti", "yoga"]
    assert len({popular_fold(word) for word in words}) == len(words)


def test_the_sound_key_forgets_aspiration_and_voice() -> None:
    assert sound_key("prārabdha") == sound_key("prarapta")


@given(st.text(max_size=30))
def test_the_fold_is_the_same_for_both_normal_forms(text: str) -> None:
    assert popular_fold(unicodedata.normalize("NFD", text)) == popular_fold(unicodedata.normalize("NFC", text))


def test_iso_15919_letters_become_iast() -> None:
    assert to_iast("saṁsāra r̥ṣi yōgēna") == "saṃsāra ṛṣi yogena"
    assert to_iast(unicodedata.normalize("NFD", "kṛṣṇa")) == "kṛṣṇa"


@given(st.text())
def test_letters_of_iast_are_in_form_c_and_stay(text: str) -> None:
    written = to_iast(text)
    assert written == nfc(written) == to_iast(written)


@given(st.text())
def test_a_limit_before_the_letters_are_made_bounds_what_comes_of_them(text: str) -> None:
    assert len(to_iast(text)) <= 3 * len(text)  # the most that form C adds: Unicode Standard Annex 15, table 4


@given(st.text())
def test_what_is_refused_is_refused_in_either_form(text: str) -> None:
    names = [name for _, name in refused_characters(text)]
    assert [name for _, name in refused_characters(nfc(text))] == names
    for position, name in refused_characters(text):
        assert name.startswith(f"U+{ord(text[position]):04X} ")


@pytest.mark.parametrize(
    "letter", ["\u202a", "\u202e", "\u2066", "\u2069", "\u200b", "\u200e", "\ufeff", "\x00", "\ud800"]
)
def test_what_hides_or_reorders_letters_is_refused(letter: str) -> None:
    assert [position for position, _ in refused_characters(f"om{letter}kara")] == [2]


@given(st.text(alphabet="कषशा\u094d\u200c\u200d\u093f", min_size=1))
def test_joiners_shape_devanagari_and_are_kept(text: str) -> None:
    assert refused_characters(text) == []
    assert nfc(text).count("\u200d") == text.count("\u200d")
    assert nfc(text).count("\u200c") == text.count("\u200c")


@pytest.mark.parametrize("part", ["a", "1", "@", "<", ">", "{\\", "a<", "'a", "http", "a@", "<a", "1a", "\u0301"])
def test_a_run_of_letters_takes_time_in_proportion(part: str) -> None:
    def seconds(length: int) -> float:
        written = part * (length // len(part))
        return min(timeit.repeat(lambda: list(tokenize(written)), timer=process_time, number=1, repeat=3))

    assert seconds(40_000) < max(0.05, 25 * seconds(4_000))  # of a square it would be 100 times


def test_tokens_keep_their_places_and_pass_over_markup_and_numbers() -> None:
    text = "<i>Krishna's</i> 2nd yoga-shakti at 10:30, {\\an8}योगः a@b.c"
    tokens = list(tokenize(text))
    assert [token.text for token in tokens] == ["Krishna's", "yoga", "shakti", "at", "योगः"]
    assert all(text[token.start : token.end] == token.text for token in tokens)
    assert tokens[0].stem == "Krishna"


def test_structural_rules_of_iast_have_places() -> None:
    assert is_iast("kṛṣṇa")
    assert [(breach.rule, breach.start) for breach in breaches("treāding")] == [("sound_sequence", 2)]
    assert [breach.rule for breach in breaches(unicodedata.normalize("NFD", "kṛṣṇa"))] == ["nfc"]
    assert [breach.rule for breach in breaches("saṁsāra")] == ["alphabet"]


@pytest.mark.parametrize(
    ("word", "impossible"),
    [
        ("raama", "aa"),
        ("bhakteeh", "ee"),
        ("yogia", "ia"),
        ("kāmea", "ea"),
        ("ṃkāra", "ṃ"),
        ("saṃāra", "ṃā"),
        ("sankalpa", "nk"),
        ("añga", "ñg"),
        ("kunḍala", "nḍ"),
        ("śṭhāna", "śṭ"),
        ("niścala", ""),
        ("kaśta", "śt"),
        ("aṣṭāṅga", ""),
        ("bhhakti", "bhh"),
        ("siddhdhi", "dhd"),
        ("prauḍha", ""),
        ("kaivalya", ""),
        ("saṃhitā", ""),
        ("duḥkha", ""),
    ],
)
def test_sounds_that_do_not_meet_in_sanskrit_are_found(word: str, impossible: str) -> None:
    found = [breach for breach in breaches(word, strictly=True) if breach.rule == "sound_sequence"]
    assert [word[breach.start : breach.end] for breach in found] == ([impossible] if impossible else [])


def test_every_term_of_the_glossary_is_possible() -> None:
    rows = [line for path in GLOSSARY.glob("*.tsv") for line in path.read_text("utf-8").splitlines()[1:]]
    words = [word for row in rows if not row.startswith("#") for word in row.split("\t")[0].split()]
    assert [word for word in words if next(breaches(word, strictly=True), None) is not None] == []
    assert len(words) > 2000


def test_scripts_are_converted_by_vidyut() -> None:
    assert devanagari_of("Kṛṣṇa") == "कृष्ण"
    assert devanagari_of_line("karmaṇy evādhikāras te") == "कर्मण्येवाधिकारस्ते"
    assert devanagari_of_line("yogaś citta-vṛtti-nirodhaḥ") == "योगश्चित्त-वृत्ति-निरोधः"
    assert devanagari_of_line("saha nāv avatu") == "सह नाववतु"
    assert devanagari_of_line("tataḥ kiṃ 24") == "ततः किं २४"
    assert iast_of_devanagari("रामानन्द") == "rāmānanda"
    assert iast_of_slp1("aMSu") == "aṃśu"
    assert has_iast_diacritics("ātman")
    assert not has_iast_diacritics("café atman")
