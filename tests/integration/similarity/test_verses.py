"""Verses over a real Postgres: imported, listed, found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg
import pytest
from shodhana.api.similarity.v1 import lexicon_pb2
from shodhana.api.similarity.v1 import verses_pb2 as pb
from shodhana.runtime import auth
from shodhana.runtime.pages import PageTokenInvalid
from shodhana.similarity.adapters.postgres_amendments import PostgresAmendments
from shodhana.similarity.adapters.postgres_store import PostgresStore
from shodhana.similarity.adapters.postgres_verses import PostgresVerses
from shodhana.similarity.domain.lexicon import Verse
from shodhana.similarity.domain.verses import VerseNotFound, VerseShelf, VersesMissing, take_over_verses
from shodhana.similarity.lexicon_servicer import LexiconServicer
from shodhana.similarity.verse_servicer import VerseServicer
from shodhana.stack.places import VERSES

from .conftest import library_over

GARBLED = "karmanye vadhikaraste ma phaleshu kadachana"


@pytest.fixture
async def store(pool: asyncpg.Pool) -> PostgresVerses:
    """The shipped verses, stored."""
    verses = PostgresVerses(pool)
    await take_over_verses(VERSES, verses)
    return verses


@pytest.fixture
async def servicer(store: PostgresVerses) -> VerseServicer:
    shelf = VerseShelf(store)
    await shelf.refresh()
    return VerseServicer(store, shelf)


@pytest.fixture
def lexicon(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch) -> LexiconServicer:
    monkeypatch.setattr(auth, "principal", lambda: auth.Principal("users/linguist", frozenset()))
    return LexiconServicer(PostgresStore(pool), library_over(pool, None), PostgresAmendments(pool))


async def test_a_garbled_line_is_found_with_its_reading_and_reasons(servicer: VerseServicer) -> None:
    answer = await servicer.SearchVerses(pb.SearchVersesRequest(texts=[GARBLED, "It is raining."]), None)
    [found] = answer.results[0].recitations
    assert (found.verse.reference, list(found.lines)) == ("BG 2.47", ["karmaṇy evādhikāras te mā phaleṣu kadācana"])
    assert found.verse.metre == "anuṣṭubh (pathyā)"
    assert found.reasons[0].startswith("closest verse")
    assert "metre: anuṣṭubh (pathyā)" in found.reasons
    assert not answer.results[1].recitations
    assert answer.verse_count == len(servicer.shelf.index.verses) > 40
    assert len(answer.verse_index) == 16


async def test_a_line_of_no_known_text_is_told_by_its_metre(servicer: VerseServicer) -> None:
    text = "śāntākāraṃ bhujagaśayanaṃ padmanābhaṃ sureśam"
    answer = await servicer.SearchVerses(pb.SearchVersesRequest(texts=[text], min_confidence=0.8), None)
    assert (answer.results[0].metre, list(answer.results[0].recitations)) == ("mandākrāntā", [])


@pytest.mark.parametrize("by", ["reference", "number"])
async def test_a_verse_is_got(servicer: VerseServicer, by: str) -> None:
    listed = await servicer.ListVerses(pb.ListVersesRequest(prefix="BG 2.47"), None)
    name = "verses/BG 2.47" if by == "reference" else listed.verses[0].name
    verse = await servicer.GetVerse(pb.GetVerseRequest(name=name), None)
    assert verse.lines[0] == "karmaṇy evādhikāras te mā phaleṣu kadācana"
    assert verse.devanagari.startswith("कर्मण्येवाधिकारस्ते")
    assert (verse.source, verse.license) == ("verses/gita.tsv", "CC0-1.0")


@pytest.mark.parametrize("key", ["99999999", "BG 19.1", "99999999999999999999", "x' OR 'a'='a"])
async def test_what_is_no_verse_is_not_found(servicer: VerseServicer, key: str) -> None:
    with pytest.raises(VerseNotFound):
        await servicer.GetVerse(pb.GetVerseRequest(name=f"verses/{key}"), None)


async def test_pages_hold_every_verse_once(servicer: VerseServicer) -> None:
    seen: list[str] = []
    token = ""
    while True:
        page = await servicer.ListVerses(pb.ListVersesRequest(page_size=17, page_token=token), None)
        seen.extend(verse.name for verse in page.verses)
        token = page.next_page_token
        if not token:
            break
    assert len(seen) == len(set(seen)) == page.total_size > 40
    sutras = await servicer.ListVerses(pb.ListVersesRequest(source="verses/yoga_sutra.tsv", prefix="YS 2."), None)
    assert {verse.reference[:5] for verse in sutras.verses} == {"YS 2."}
    with pytest.raises(PageTokenInvalid):
        await servicer.ListVerses(pb.ListVersesRequest(page_token="forged"), None)


async def test_an_index_follows_what_is_stored(store: PostgresVerses) -> None:
    shelf = VerseShelf(store)
    with pytest.raises(VersesMissing):
        await shelf.check()
    await shelf.refresh()
    await shelf.check()
    first = shelf.index
    await shelf.refresh()
    assert shelf.index is first
    await store.replace_verses("other/", [Verse("other/a", "X 1", "śāntākāraṃ bhujagaśayanaṃ", "")])
    await shelf.refresh()
    assert shelf.index.version != first.version
    assert shelf.index.find("shantakaram bhujaga shayanam")[0].verse.reference == "X 1"
    await store.replace_verses("other/", [])
    await shelf.refresh()
    assert shelf.index.version == first.version


async def test_shipped_verses_are_taken_over_once_and_what_left_a_file_leaves_the_store(
    pool: asyncpg.Pool, tmp_path: Path
) -> None:
    store, file = PostgresVerses(pool), tmp_path / "a.tsv"
    file.write_text("reference\ttext\nX 1\toṃ\nX 2\thariḥ oṃ\n")
    await take_over_verses(tmp_path, store)
    before = await store.verse_state()
    await take_over_verses(tmp_path, store)
    assert await store.verse_state() == before
    file.write_text("reference\ttext\nX 2\thariḥ oṃ tat sat\n")
    await take_over_verses(tmp_path, store)
    assert [(verse.reference, verse.text) for verse in await store.verses()] == [("X 2", "hariḥ oṃ tat sat")]


@pytest.mark.parametrize(
    ("name", "heard", "reference", "license_name"),
    [
        ("gita_verses.json", GARBLED, "BG 2.47", "Unlicense"),
        ("gita_verses.json", "matra sparshas tu kaunteya shitoshna sukha dukhada", "BG 2.14", "Unlicense"),
        ("yoga_sutra.tei.xml", "sthira sukham aasanam", "YS 2.46", "CC-BY-NC-SA-4.0"),
    ],
)
async def test_a_real_text_is_imported_and_its_verses_are_found_from_what_was_heard(
    pool: asyncpg.Pool, lexicon: LexiconServicer, shared_data: Path, name: str, heard: str, reference: str,
    license_name: str,
) -> None:  # fmt: skip
    """The TEI file names its licence itself."""
    content = (shared_data / "lexicon" / name).read_bytes()
    told = "" if name.endswith("xml") else license_name
    made = await lexicon.ImportLexicon(
        lexicon_pb2.ImportLexiconRequest(content=content, source=name, license=told), None
    )
    assert made.verse_count in (701, 195)
    shelf = VerseShelf(PostgresVerses(pool))
    await shelf.refresh()
    found = shelf.index.find(heard)[0]
    assert (found.verse.reference, found.verse.source, found.verse.license) == (reference, name, license_name)
    assert found.confidence > 0.9


async def test_an_import_may_say_what_references_begin_with(lexicon: LexiconServicer, pool: asyncpg.Pool) -> None:
    content = '[{"text": "योगः कर्मसु कौशलम्", "chapter_number": 2, "verse_number": 50}]'.encode()
    request: Any = lexicon_pb2.ImportLexiconRequest(content=content, text_abbreviation="Gītā")
    await lexicon.ImportLexicon(request, None)
    assert [verse.reference for verse in await PostgresVerses(pool).verses()] == ["Gītā 2.50"]
