"""The two services as their callers see them, over a real Postgres and Redis."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from shodhana.api.similarity.v1 import lexicon_pb2, similarity_pb2
from shodhana.errors import InvalidInput
from shodhana.runtime.auth import Principal
from shodhana.runtime.cache import LayeredCache, MemoryCache
from shodhana.runtime.pages import PageTokenInvalid, encode_page_token
from shodhana.runtime.redis import open_redis
from shodhana.runtime.settings import RuntimeSettings
from shodhana.similarity.adapters.postgres_amendments import PostgresAmendments
from shodhana.similarity.adapters.postgres_store import PostgresStore
from shodhana.similarity.domain.importers import ImportBroken
from shodhana.similarity.domain.lexicon import EntryNotFound, LexiconEmpty, VersionNotFound
from shodhana.similarity.domain.library import Library
from shodhana.similarity.lexicon_servicer import LexiconServicer
from shodhana.similarity.servicer import SimilarityServicer

ONE_WORD = b"lemma\tdomain\tgloss\taliases\nnava\xc5\x9babda\tgeneral\ta new word\tnavshabd\n"


@pytest.fixture
async def cache(redis_server: Any) -> AsyncIterator[LayeredCache]:
    async with open_redis(RuntimeSettings(redis_url=redis_server.url), patience_s=60) as redis:
        assert redis is not None
        await redis.flushdb()
        yield LayeredCache("search_terms", redis, MemoryCache(1000, 60), 60)


@pytest.fixture
def search(library: Library, cache: LayeredCache) -> SimilarityServicer:
    return SimilarityServicer(library, cache)


@pytest.fixture
def lexicon(library: Library, glossary_pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch) -> LexiconServicer:
    monkeypatch.setattr("shodhana.runtime.auth.principal", lambda: Principal("users/linguist", frozenset()))
    return LexiconServicer(PostgresStore(glossary_pool), library, PostgresAmendments(glossary_pool))


def batch(*heard: str, **options: Any) -> similarity_pb2.BatchSearchRequest:
    return similarity_pb2.BatchSearchRequest(
        queries=[similarity_pb2.BatchQuery(query=word) for word in heard],
        options=similarity_pb2.SearchOptions(**options),
    )


async def test_a_search_answers_with_term_reasons_and_version(search: SimilarityServicer) -> None:
    answer = await search.Search(similarity_pb2.SearchRequest(query="praabda"), None)
    best = answer.candidates[0]
    assert (best.term, best.devanagari) == ("prārabdha", "प्रारब्ध")
    assert best.entry.startswith(f"{answer.lexicon_version}/entries/")
    assert len(answer.candidates) == 5
    assert best.reasons[0].text
    assert answer.usage.path in (similarity_pb2.SEARCH_PATH_EXACT, similarity_pb2.SEARCH_PATH_SNAPSHOT)
    assert answer.usage.vectors_compared >= answer.eligible_count > 300
    assert not answer.degraded


async def test_an_answer_from_the_cache_is_the_same_and_computes_nothing(
    search: SimilarityServicer, vectorizer: Any
) -> None:
    request = batch("praabda", "baki", filter=similarity_pb2.Filter(must=[_condition("domain", "spiritual")]))
    first = await search.BatchSearch(request, None)
    calls = vectorizer.calls
    again = await search.BatchSearch(request, None)
    assert vectorizer.calls == calls
    assert list(again.results) == list(first.results)
    assert again.eligible_count == first.eligible_count > 0
    assert again.usage.vectors_compared == 0


async def test_only_what_is_not_cached_is_searched(search: SimilarityServicer) -> None:
    one = await search.BatchSearch(batch("praabda"), None)
    two = await search.BatchSearch(batch("praabda", "baki", "praabda"), None)
    assert two.usage.vectors_compared == one.usage.vectors_compared
    assert two.results[0] == two.results[2] == one.results[0]


async def test_a_replica_finds_what_another_cached(
    search: SimilarityServicer, library: Library, redis_server: Any, vectorizer: Any
) -> None:
    await search.BatchSearch(batch("praabda"), None)
    async with open_redis(RuntimeSettings(redis_url=redis_server.url), patience_s=60) as redis:
        other = SimilarityServicer(library, LayeredCache("search_terms", redis, MemoryCache(10, 60), 60))
        calls = vectorizer.calls
        assert (await other.BatchSearch(batch("praabda"), None)).results[0].candidates[0].term == "prārabdha"
    assert vectorizer.calls == calls


async def test_what_was_found_without_embeddings_does_not_outlive_the_failure(
    search: SimilarityServicer, vectorizer: Any
) -> None:
    vectorizer.is_down = True
    degraded = await search.BatchSearch(batch("praabda"), None)
    assert degraded.degraded
    assert degraded.results[0].candidates
    vectorizer.is_down = False
    assert not (await search.BatchSearch(batch("praabda"), None)).degraded


async def test_both_backends_find_the_term(search: SimilarityServicer) -> None:
    for backend in (similarity_pb2.SEARCH_BACKEND_SNAPSHOT, similarity_pb2.SEARCH_BACKEND_POSTGRES):
        answer = await search.BatchSearch(batch("praabda", "vishnu maya", backend=backend), None)
        assert [result.candidates[0].term for result in answer.results] == ["prārabdha", "viṣṇumāyā"]


async def test_a_thousand_queries_are_one_call(search: SimilarityServicer, vectorizer: Any) -> None:
    answer = await search.BatchSearch(batch(*(f"bhakt{number}" for number in range(1000))), None)
    assert len(answer.results) == 1000
    assert vectorizer.calls == 1


async def test_group_size_without_group_is_refused(search: SimilarityServicer) -> None:
    with pytest.raises(InvalidInput):
        await search.BatchSearch(batch("x", group_size=2), None)


async def test_an_unknown_version_is_not_found(search: SimilarityServicer) -> None:
    with pytest.raises(VersionNotFound):
        await search.BatchSearch(batch("x", lexicon_version="lexiconVersions/999"), None)


async def test_an_imported_word_is_found_at_once_and_older_versions_stay_as_they_were(
    search: SimilarityServicer, lexicon: LexiconServicer
) -> None:
    before = await lexicon.GetLexiconVersion(_get("active"), None)
    made = await lexicon.ImportLexicon(
        lexicon_pb2.ImportLexiconRequest(content=ONE_WORD, source="a file", license="CC0-1.0"), None
    )
    assert (made.imported_count, made.replaced_count, made.version.creator) == (1, 0, "users/linguist")
    assert made.version.supersedes == before.name
    found = await search.BatchSearch(batch("nav shabda"), None)
    assert (found.results[0].candidates[0].term, found.degraded) == ("navaśabda", False)
    pinned = await search.BatchSearch(batch("nav shabda", lexicon_version=before.name), None)
    assert pinned.results[0].candidates[0].term != "navaśabda"
    assert pinned.lexicon_version == before.name


async def test_checking_a_file_makes_no_version(lexicon: LexiconServicer) -> None:
    request = lexicon_pb2.ImportLexiconRequest(content=ONE_WORD, validate_only=True)
    answer = await lexicon.ImportLexicon(request, None)
    assert answer.imported_count == 1
    assert not answer.HasField("version")
    assert (
        len((await lexicon.ListLexiconVersions(lexicon_pb2.ListLexiconVersionsRequest(), None)).lexicon_versions) == 1
    )


async def test_a_broken_file_changes_nothing(lexicon: LexiconServicer) -> None:
    with pytest.raises(ImportBroken):
        await lexicon.ImportLexicon(lexicon_pb2.ImportLexiconRequest(content=ONE_WORD + b"x\tgeneral\ty\t\n"), None)
    assert (
        len((await lexicon.ListLexiconVersions(lexicon_pb2.ListLexiconVersionsRequest(), None)).lexicon_versions) == 1
    )


async def test_an_export_comes_back_as_the_same_version(lexicon: LexiconServicer) -> None:
    first = await lexicon.GetLexiconVersion(_get("active"), None)
    for layout in (lexicon_pb2.LEXICON_FORMAT_TSV, lexicon_pb2.LEXICON_FORMAT_JSON_LINES):
        request = lexicon_pb2.ExportLexiconRequest(name=first.name, format=layout)
        frames = [frame async for frame in lexicon.ExportLexicon(request, None)]
        assert all(len(frame.chunk) <= 64 * 1024 for frame in frames)
        assert frames[-1].done.entry_count == first.entry_count
        content = b"".join(frame.chunk for frame in frames)
        made = await lexicon.ImportLexicon(
            lexicon_pb2.ImportLexiconRequest(content=content, mode=lexicon_pb2.IMPORT_MODE_REPLACE), None
        )
        assert made.version.content_hash == first.content_hash == frames[-1].done.content_hash


async def test_a_large_dictionary_is_imported_while_searches_go_on(
    search: SimilarityServicer, lexicon: LexiconServicer, shared_data: Path
) -> None:
    content = (shared_data / "lexicon" / "lanman_vocabulary.txt").read_bytes()
    made = await lexicon.ImportLexicon(lexicon_pb2.ImportLexiconRequest(content=content, source="lanman"), None)
    assert made.imported_count > 4500
    assert made.version.entry_count > made.imported_count
    assert (await search.BatchSearch(batch("baki"), None)).results[0].candidates


async def test_pages_hold_every_entry_once(lexicon: LexiconServicer) -> None:
    seen: list[str] = []
    token = ""
    while True:
        page = await lexicon.ListEntries(
            lexicon_pb2.ListEntriesRequest(parent="lexiconVersions/active", page_size=400, page_token=token), None
        )
        seen.extend(entry.name for entry in page.entries)
        token = page.next_page_token
        if not token:
            break
    assert len(seen) == len(set(seen)) == page.total_size


async def test_a_prefix_and_a_domain_narrow_a_list(lexicon: LexiconServicer) -> None:
    request = lexicon_pb2.ListEntriesRequest(parent="lexiconVersions/active", prefix="Krishn", domain="spiritual")
    page = await lexicon.ListEntries(request, None)
    assert "kṛṣṇa" in [entry.term for entry in page.entries]
    assert {entry.domain for entry in page.entries} == {"spiritual"}
    assert page.total_size == len(page.entries) < 20


@pytest.mark.parametrize("prefix", ["zzzz", "123", "---", "krishnnna"])
async def test_what_no_spelling_begins_with_lists_nothing(lexicon: LexiconServicer, prefix: str) -> None:
    request = lexicon_pb2.ListEntriesRequest(parent="lexiconVersions/active", prefix=prefix)
    page = await lexicon.ListEntries(request, None)
    assert (list(page.entries), page.total_size) == ([], 0)
    assert page.lexicon_version


@pytest.mark.parametrize(
    "position", [{"version": "x"}, {"id": [1]}, {"id": 2**70}, {"version": -1}, {"id": None}, {"version": 1.5}]
)
async def test_a_forged_page_token_is_refused(lexicon: LexiconServicer, position: dict[str, Any]) -> None:
    request = lexicon_pb2.ListEntriesRequest(parent="lexiconVersions/active", page_token=encode_page_token(position))
    with pytest.raises(PageTokenInvalid):
        await lexicon.ListEntries(request, None)


@pytest.mark.parametrize("mode", [similarity_pb2.SEARCH_MODE_HYBRID, similarity_pb2.SEARCH_MODE_PHONETIC])
async def test_as_many_groups_come_back_as_are_asked_for(search: SimilarityServicer, mode: Any) -> None:
    """The nearest of one field fill a list long before another field comes up."""
    options = {"group_by": "field", "group_size": 1, "mode": mode}
    [result] = (await search.BatchSearch(batch("bhakti", limit=10, **options), None)).results
    assert len({candidate.field for candidate in result.candidates}) == len(result.candidates) == 10


async def test_a_lexicon_of_other_content_under_the_same_number_has_its_own_results(
    search: SimilarityServicer, library: Library, cache: LayeredCache
) -> None:
    """Two stacks may share a Redis."""
    version, searcher = await library.searcher(None)
    searched: list[int] = []

    class Watched:
        scope = searcher.scope
        eligible_count = searcher.eligible_count

        async def search(self, queries: Any, options: Any) -> Any:
            searched.append(len(queries))
            return await searcher.search(queries, options)

    class Elsewhere:
        async def searcher(self, *_: object) -> Any:
            return replace(version, content_hash="another"), Watched()

    await search.BatchSearch(batch("praabda"), None)
    await SimilarityServicer(Elsewhere(), cache).BatchSearch(batch("praabda"), None)  # type: ignore[arg-type]
    assert searched == [1]


@pytest.mark.parametrize("key", ["bhakti", "Bhakthi"])
async def test_an_entry_is_got_by_number_term_or_spelling(lexicon: LexiconServicer, key: str) -> None:
    entry = await lexicon.GetEntry(lexicon_pb2.GetEntryRequest(name=f"lexiconVersions/active/entries/{key}"), None)
    assert entry.term == "bhakti"
    assert await lexicon.GetEntry(lexicon_pb2.GetEntryRequest(name=entry.name), None) == entry


@pytest.mark.parametrize("key", ["999999", "9" * 150, "१२", "nosuchterm"])
async def test_what_is_no_entry_is_not_found(lexicon: LexiconServicer, key: str) -> None:
    with pytest.raises(EntryNotFound):
        await lexicon.GetEntry(lexicon_pb2.GetEntryRequest(name=f"lexiconVersions/active/entries/{key}"), None)


async def test_a_difference_pages_through_what_changed(lexicon: LexiconServicer) -> None:
    rows = [{"lemma": f"nava{vowel}", "gloss": "new"} for vowel in "aiu"]
    content = "\n".join(json.dumps(row) for row in rows).encode()
    await lexicon.ImportLexicon(lexicon_pb2.ImportLexiconRequest(content=content), None)
    request = lexicon_pb2.DiffLexiconVersionsRequest(name="lexiconVersions/active", page_size=2)
    first = await lexicon.DiffLexiconVersions(request, None)
    request.page_token = first.next_page_token
    last = await lexicon.DiffLexiconVersions(request, None)
    changes = [*first.changes, *last.changes]
    assert [change.after.term for change in changes] == ["navaa", "navai", "navau"]
    assert not any(change.HasField("before") for change in changes)
    assert last.next_page_token == ""


async def test_a_difference_to_what_is_not_there_is_not_found(lexicon: LexiconServicer) -> None:
    request = lexicon_pb2.DiffLexiconVersionsRequest(name="lexiconVersions/1", base="lexiconVersions/999")
    with pytest.raises(VersionNotFound):
        await lexicon.DiffLexiconVersions(request, None)


async def test_a_difference_tells_what_was_removed_and_what_was_changed(lexicon: LexiconServicer) -> None:
    rows = [{"lemma": "nava", "gloss": "new"}, {"lemma": "japa", "gloss": "repetition"}]
    for content in (rows, [{"lemma": "nava", "gloss": "fresh"}]):
        encoded = "\n".join(map(json.dumps, content)).encode()
        await lexicon.ImportLexicon(
            lexicon_pb2.ImportLexiconRequest(content=encoded, mode=lexicon_pb2.IMPORT_MODE_REPLACE), None
        )
    request = lexicon_pb2.DiffLexiconVersionsRequest(name="lexiconVersions/3", base="lexiconVersions/2")
    changes = (await lexicon.DiffLexiconVersions(request, None)).changes
    assert [(change.before.gloss, change.after.gloss) for change in changes] == [("repetition", ""), ("new", "fresh")]
    assert changes[1].before.name.startswith("lexiconVersions/2/")


async def test_pages_go_on_with_the_version_they_began_with(lexicon: LexiconServicer) -> None:
    listing = lexicon_pb2.ListEntriesRequest(parent="lexiconVersions/active", page_size=1000)
    first = await lexicon.ListEntries(
        lexicon_pb2.ListEntriesRequest(parent="lexiconVersions/active", page_size=10), None
    )
    rows = [{"lemma": f"nava{vowel}", "gloss": "new"} for vowel in "aiu"]
    content = "\n".join(map(json.dumps, rows)).encode()
    await lexicon.ImportLexicon(lexicon_pb2.ImportLexiconRequest(content=content), None)
    changes = await lexicon.DiffLexiconVersions(
        lexicon_pb2.DiffLexiconVersionsRequest(name="lexiconVersions/active", page_size=1), None
    )
    await lexicon.ActivateLexiconVersion(lexicon_pb2.ActivateLexiconVersionRequest(name="lexiconVersions/1"), None)
    await lexicon.ImportLexicon(lexicon_pb2.ImportLexiconRequest(content=ONE_WORD), None)
    listing.page_token = first.next_page_token
    rest = await lexicon.ListEntries(listing, None)
    assert (rest.lexicon_version, rest.total_size) == (first.lexicon_version, first.total_size)
    following = lexicon_pb2.DiffLexiconVersionsRequest(
        name="lexiconVersions/active", page_size=10, page_token=changes.next_page_token
    )
    terms = [change.after.term for change in (await lexicon.DiffLexiconVersions(following, None)).changes]
    assert terms == ["navai", "navau"]


async def test_rolling_back_is_followed_by_the_search(search: SimilarityServicer, lexicon: LexiconServicer) -> None:
    first = await lexicon.GetLexiconVersion(_get("active"), None)
    await lexicon.ImportLexicon(lexicon_pb2.ImportLexiconRequest(content=ONE_WORD), None)
    await lexicon.ActivateLexiconVersion(lexicon_pb2.ActivateLexiconVersionRequest(name=first.name), None)
    assert (await search.BatchSearch(batch("navashabda"), None)).lexicon_version == first.name


async def test_an_empty_lexicon_says_what_to_do(pool: asyncpg.Pool, library: Library) -> None:
    lexicon = LexiconServicer(PostgresStore(pool), library, PostgresAmendments(pool))
    with pytest.raises(LexiconEmpty, match="import one"):
        await lexicon.GetLexiconVersion(_get("active"), None)


def _get(version: str) -> lexicon_pb2.GetLexiconVersionRequest:
    return lexicon_pb2.GetLexiconVersionRequest(name=f"lexiconVersions/{version}")


def _condition(field: str, *values: str) -> similarity_pb2.Condition:
    return similarity_pb2.Condition(field=field, any_of=values)
