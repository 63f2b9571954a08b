"""Lexicon files: what is read, what is refused and at which line."""

from __future__ import annotations

import json

import pytest
from shodhana.similarity.domain.importers import ImportBroken, LexiconFormat, Provenance, detect, parse

HERE = Provenance("a file", "CC0-1.0", "general")
HEADER = "lemma\tdomain\tfield\tpos\tgloss\taliases\tnote\tanglicised"
TSV = (
    f"{HEADER}\nbhakti\tspiritual\tbhakti\tnoun\tdevotion\tbhakthi|bakti\t\t\nyoga\tspiritual\t\tnoun\tunion\t\t\tyes\n"
)
CDSL = (
    "[Page111-a+ 38]\n<L>1<pc>111-a<k1>an<k2>an\n{@an@}\n<LEND>\n"
    "<L>3<pc>111-a<k1>aMSa<k2>a/MSa\n{@áṃśa,@}¦ {%<ab>m.</ab>%} portion;\n{%and so%} part. [{@√1aś,@} ‘get.’]\n<LEND>\n"
    "<L>4<pc>111-a<k1>aMSa<k2>aMSa<h>2\n{@aṃśa@}¦ again\n<LEND>\n"
)
TEI = (
    '<?xml version="1.0"?><TEI xmlns="http://www.tei-c.org/ns/1.0"><text><body><lg>'
    "<l>yogaś citta-vṛtti-nirodhaḥ || YS_1.2 ||</l><l>tadā draṣṭuḥ</l><l>svarūpe ’vasthānam || YS_1.3 ||</l>"
    "</lg></body></text></TEI>"
)


def broken(content: str | bytes, layout: LexiconFormat | None = None) -> ImportBroken:
    with pytest.raises(ImportBroken) as raised:
        parse(content.encode() if isinstance(content, str) else content, layout, HERE)
    return raised.value


def test_tsv_gives_entries_with_their_provenance() -> None:
    bhakti, yoga = parse(TSV.encode(), None, HERE).entries
    assert (bhakti.term, bhakti.domain, bhakti.gloss) == ("bhakti", "spiritual", "devotion")
    assert bhakti.aliases == ("bhakthi", "bakti")
    assert (bhakti.source, bhakti.license) == ("a file", "CC0-1.0")
    assert yoga.anglicised
    assert not bhakti.anglicised


@pytest.mark.parametrize("content", [f"\ufeff{TSV}", TSV.replace("\n", "\r\n")])
def test_byte_order_mark_and_windows_lines_make_no_difference(content: str) -> None:
    assert parse(content.encode(), None, HERE) == parse(TSV.encode(), None, HERE)


def test_iso_15919_spelling_becomes_iast() -> None:
    content = f"{HEADER}\nsaṁskr̥ta\tgeneral\t\tnoun\tthe language\t\t\t\n"
    assert parse(content.encode(), None, HERE).entries[0].term == "saṃskṛta"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("\tgeneral\t\t\tgloss\t\t\t", "lemma is missing"),
        ("bhaxti\tgeneral\t\t\tgloss\t\t\t", "'x' is no letter of IAST"),
        ("bhakti\tworldly\t\t\tgloss\t\t\t", "domain 'worldly'"),
        ("bhakti\tgeneral\t\t\t\t\t\t", "gloss is missing"),
        ("bhakti\tgeneral\t\t\tgl\u202eoss\t\t\t", "RIGHT-TO-LEFT OVERRIDE"),
        ("bhakti\tgeneral\tfi\u0000eld\t\tgloss\t\t\t", "U+0000"),
        ("bhakti\tgeneral\t\t\tgloss\t\t\t\tone too many", "columns in the header"),
    ],
)
def test_a_wrong_row_is_named_by_its_line(row: str, problem: str) -> None:
    error = broken(f"{TSV}{row}\n")
    assert [violation.line for violation in error.violations] == [4]
    assert problem in error.violations[0].description


def test_every_wrong_row_is_named_but_not_without_end() -> None:
    error = broken(HEADER + "\nx\tgeneral\t\t\tg\t\t\t" * 80)
    assert [violation.line for violation in error.violations] == list(range(2, 52))
    assert "79 more" in error.message


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        (b"lemma\tgloss\nbhakti\t\xff\n", 2, "not UTF-8"),
        (b"word\tmeaning\na\tb\n", 1, "gloss, lemma"),
        (HEADER.encode(), 1, "no entries"),
        (b"lemma\tgloss\n" + b"a" * 200_000 + b"\tgloss\n", 2, "field larger than"),
    ],
)
def test_a_file_that_is_no_table_is_refused(content: bytes, line: int, problem: str) -> None:
    error = broken(content, LexiconFormat.TSV)
    assert error.violations[0].line == line
    assert problem in error.violations[0].description


def test_json_lines_give_the_same_entries_as_tsv() -> None:
    rows = [
        {"lemma": "bhakti", "domain": "spiritual", "field": "bhakti", "pos": "noun", "gloss": "devotion",
         "aliases": ["bhakthi", "bakti"]},
        {"lemma": "yoga", "domain": "spiritual", "pos": "noun", "gloss": "union", "anglicised": True},
    ]  # fmt: skip
    content = "\n".join(json.dumps(row) for row in rows)
    assert parse(content.encode(), None, HERE) == parse(TSV.encode(), None, HERE)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "not readable as JSON"),
        ("[" * 100_000, "not readable as JSON"),
        ('{"lemma": ' + "1" * 5000 + "}", "not readable as JSON"),
        ("[1]", "not a record"),
        ('{"lemma": "bhakti", "gloss": "\\ud800"}', "LONE SURROGATE"),
        ('{"lemma": {"a": 1}, "gloss": "x"}', "no letter of IAST"),
    ],
)
def test_json_that_makes_no_entry_is_named_by_its_line(line: str, problem: str) -> None:
    error = broken(f'{{"lemma": "bhakti", "gloss": "devotion"}}\n{line}\n', LexiconFormat.JSON_LINES)
    assert error.violations[0].line == 2
    assert problem in error.violations[0].description


def test_line_breaks_within_a_gloss_and_bars_within_an_alias_do_not_break_an_export() -> None:
    row = {"lemma": "bhakti", "gloss": "devotion\n\tto God", "aliases": ["bhakthi|bakti"], "note": 7}
    entry = parse(json.dumps(row).encode(), None, HERE).entries[0]
    assert (entry.gloss, entry.aliases, entry.note) == ("devotion to God", ("bhakthi", "bakti"), "7")


def test_a_cologne_dictionary_gives_headwords_in_iast_and_plain_glosses() -> None:
    parsed = parse(CDSL.encode(), None, HERE)
    assert [(entry.term, entry.gloss) for entry in parsed.entries] == [("aṃśa", "m. portion; and so part.")]
    assert parsed.skipped_count == 2  # one without a gloss, one of the same headword


@pytest.mark.timeout(20)
def test_a_cologne_file_of_open_tags_is_read_in_linear_time() -> None:
    content = CDSL + "<L>1<pc>2" * 400_000 + "\n" + "{@[" * 400_000
    assert len(parse(content.encode(), LexiconFormat.CDSL, HERE).entries) == 1


def test_anki_cards_may_hold_control_characters() -> None:
    content = '{"योग": ["Yoga", "union\tof\n both", "note", "noun"], "?": ["", "", "", ""], "3": 4}'
    parsed = parse(content.encode(), LexiconFormat.ANKI_JSON, HERE)
    assert [(entry.term, entry.gloss, entry.field) for entry in parsed.entries] == [("yoga", "union of both", "noun")]
    assert parsed.skipped_count == 2


def test_verses_in_devanagari_become_iast_without_their_numbers() -> None:
    verse = {"text": "योगः कर्मसु\n\nकौशलम् ।।2.50।।", "chapter_number": 2, "verse_number": 50}
    [parsed] = parse(json.dumps([verse]).encode(), None, HERE).verses
    assert (parsed.reference, parsed.text) == ("2.50", "yogaḥ karmasu / kauśalam")


@pytest.mark.parametrize("verse", [{}, 7, {"text": 5, "chapter_number": 1, "verse_number": 1}, {"text": "x"}])
def test_a_verse_without_its_parts_is_refused(verse: object) -> None:
    assert "verse 0" in broken(json.dumps([verse]), LexiconFormat.VERSES_JSON).message


def test_tei_lines_become_verses_by_their_references() -> None:
    verses = parse(TEI.encode(), None, HERE).verses
    assert [(verse.reference, verse.text) for verse in verses] == [
        ("YS 1.2", "yogaś citta-vṛtti-nirodhaḥ"),
        ("YS 1.3", "tadā draṣṭuḥ / svarūpe ’vasthānam"),
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("<TEI>\n<l>", "not readable as XML"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><TEI>&b;</TEI>', "entity declarations"),
        ("<TEI><l>no reference</l></TEI>", "no entries"),
    ],
)
def test_broken_tei_is_refused(content: str, problem: str) -> None:
    assert problem in broken(content, LexiconFormat.TEI).message


@pytest.mark.parametrize(
    ("content", "layout"),
    [
        (TSV, LexiconFormat.TSV),
        (CDSL, LexiconFormat.CDSL),
        (TEI, LexiconFormat.TEI),
        ('{"a": 1}\n', LexiconFormat.JSON_LINES),
        ('{\n"a": []}', LexiconFormat.ANKI_JSON),
        ("[{}]", LexiconFormat.VERSES_JSON),
    ],
)
def test_the_layout_is_seen_from_the_content(content: str, layout: LexiconFormat) -> None:
    assert detect(content) is layout
