"""Versions, vectors and search over a real Postgres with pgvector."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import pytest
from shodhana.similarity.adapters.postgres_store import PostgresStore
from shodhana.similarity.domain.glossary import take_over_glossary
from shodhana.similarity.domain.importers import Provenance, parse
from shodhana.similarity.domain.lexicon import Entry, NewVersion, diff
from shodhana.similarity.domain.library import Library
from shodhana.similarity.domain.query import Condition, Filter, Mode, Options, Query


async def test_the_glossary_is_taken_over_once_and_every_entry_has_its_vectors(
    library: Library, glossary_pool: asyncpg.Pool, glossary: Path
) -> None:
    store = PostgresStore(glossary_pool)
    await take_over_glossary(glossary, store)
    [version] = await store.versions(None, 10)
    assert version.active
    assert version.entry_count >= 300
    lacking = await glossary_pool.fetchval(
        "SELECT count(*) FROM lexicon_form JOIN lexicon_entry USING (entry_id) WHERE NOT EXISTS (SELECT FROM "
        "semantic_embeddings AS found WHERE found.domain = lexicon_entry.domain AND found.term_norm = "
        "lexicon_form.term_norm AND found.model_id LIKE 'phonetic@%')"
    )
    assert lacking == 0
    models = await glossary_pool.fetch(
        "SELECT split_part(model_id, '@', 1) AS model, count(*) FROM semantic_embeddings GROUP BY 1"
    )
    counts = {row["model"]: row["count"] for row in models}
    assert counts["phonetic"] >= counts["semantic"] >= version.entry_count * 0.95  # some terms share theirs


async def test_replicas_that_start_together_take_the_glossary_over_once(pool: asyncpg.Pool, glossary: Path) -> None:
    await asyncio.gather(*(take_over_glossary(glossary, PostgresStore(pool)) for _ in range(4)))
    assert len(await PostgresStore(pool).versions(None, 10)) == 1


async def test_a_changed_glossary_makes_a_version_and_leaves_what_others_brought(
    pool: asyncpg.Pool, tmp_path: Path
) -> None:
    store = PostgresStore(pool)
    file = tmp_path / "a.tsv"
    contents = ["lemma\tgloss\nyoga\tunion\njapa\trepetition\n", "lemma\tgloss\nyoga\tyoking\n"]
    await _take_over(file, contents[0], store)
    decided = Entry("tapas", "general", "", "noun", "heat", source="decision")
    await store.create_version(NewVersion(entries=(decided,)))
    await _take_over(file, contents[1], store)
    assert await _glosses(store) == {"yoga": "yoking", "tapas": "heat"}
    await _take_over(file, contents[0], store)
    assert await _glosses(store) == {"yoga": "union", "japa": "repetition", "tapas": "heat"}
    assert len(await store.versions(None, 10)) == 4


async def test_a_restart_does_not_undo_a_roll_back(pool: asyncpg.Pool, tmp_path: Path) -> None:
    store = PostgresStore(pool)
    for content in ("lemma\tgloss\nyoga\tunion\n", "lemma\tgloss\nyoga\tyoking\n"):
        await _take_over(tmp_path / "a.tsv", content, store)
    await store.activate(1)
    await take_over_glossary(tmp_path, store)
    assert await _glosses(store) == {"yoga": "union"}


async def test_new_rules_of_folding_make_a_version_though_the_files_are_the_same(
    pool: asyncpg.Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = PostgresStore(pool)
    await _take_over(tmp_path / "a.tsv", "lemma\tgloss\nyoga\tunion\n", store)
    monkeypatch.setattr("shodhana.similarity.domain.lexicon.popular_fold", lambda word: f"new {word}")
    await take_over_glossary(tmp_path, store)
    assert len(await store.versions(None, 10)) == 2
    assert "new yoga" in {row["term_norm"] for row in await pool.fetch("SELECT term_norm FROM lexicon_form")}


async def _take_over(file: Path, content: str, store: PostgresStore) -> None:
    file.write_text(content)
    await take_over_glossary(file.parent, store)


async def _glosses(store: PostgresStore) -> dict[str, str]:
    version = await store.active_version()
    assert version is not None
    return {entry.term: entry.gloss for entry in await store.entries(version.version_id)}


async def test_garbled_terms_are_found_with_reasons(library: Library) -> None:
    _, searcher = await library.searcher(None)
    heard = ["praabda", "baki", "vishnu maya", "kundalani", "Krishna", "sahastrara"]
    found = await searcher.search([Query(word) for word in heard], Options())
    best = [candidates[0].entry.term for candidates in found.lists]
    assert best == ["prārabdha", "bhakti", "viṣṇumāyā", "kuṇḍalinī", "kṛṣṇa", "sahasrāra"]
    assert not found.degraded
    assert all(candidates[0].reasons for candidates in found.lists)
    assert all(0 <= candidate.score <= 1 for candidates in found.lists for candidate in candidates)


async def test_snapshot_and_postgres_find_the_same_neighbours(library: Library) -> None:
    queries = [Query(word) for word in ("praabda", "samadi", "nirod")]
    options = Options(mode=Mode.PHONETIC, limit=5)
    results = []
    for use_postgres in (False, True):
        _, searcher = await library.searcher(None, use_postgres)
        found = await searcher.search(queries, options)
        results.append([[candidate.entry.term for candidate in candidates] for candidates in found.lists])
    assert results[0] == results[1]


@pytest.mark.parametrize("use_postgres", [False, True])
async def test_a_filter_never_shortens_the_answer_while_enough_entries_pass(
    library: Library, use_postgres: bool
) -> None:
    _, searcher = await library.searcher(None, use_postgres)
    only = Filter(must=(Condition("field", ("places",)),))
    found = await searcher.search([Query("bhakti")], Options(limit=10, filter=only, mode=Mode.PHONETIC))
    assert len(found.lists[0]) == 10
    assert {candidate.entry.field for candidate in found.lists[0]} == {"places"}


async def test_with_the_embedding_service_down_spelling_still_answers_and_says_so(
    library: Library, vectorizer: Any
) -> None:
    vectorizer.is_down = True
    _, searcher = await library.searcher(None)
    found = await searcher.search([Query("baki"), Query("krishna")], Options())
    assert found.degraded
    assert found.lists[1][0].entry.term == "kṛṣṇa"


async def test_a_batch_asks_for_vectors_once(library: Library, vectorizer: Any) -> None:
    _, searcher = await library.searcher(None)
    before = vectorizer.calls
    await searcher.search([Query(f"word{i}") for i in range(50)], Options())
    assert vectorizer.calls == before + 1


async def test_versions_are_immutable_share_entries_and_roll_back(
    library: Library, glossary_pool: asyncpg.Pool
) -> None:
    store = PostgresStore(glossary_pool)
    first = await store.active_version()
    assert first is not None
    new = Entry("navaśabda", "general", "test", "noun", "a new word")
    made = await store.create_version(NewVersion(entries=(new,), creator="test"))
    assert made.version.supersedes == first.version_id
    assert made.version.entry_count == first.entry_count + 1
    changes = diff(await store.entries(first.version_id), await store.entries(made.version.version_id))
    assert [(was, now.term if now else None) for was, now in changes] == [(None, "navaśabda")]
    stored = await glossary_pool.fetchval("SELECT count(*) FROM lexicon_entry")
    assert stored == first.entry_count + 1
    assert (await store.activate(first.version_id)).active
    await library.refresh()
    version, _ = await library.searcher(None)
    assert version.version_id == first.version_id


async def test_a_repeated_request_makes_one_version(pool: asyncpg.Pool) -> None:
    store = PostgresStore(pool)
    new = NewVersion(entries=(Entry("x", "general", "", "", "y"),), request_id="7c5e4b0e-1111-4111-8111-111111111111")
    first = await store.create_version(new)
    again = await store.create_version(new)
    assert first.version.version_id == again.version.version_id


@pytest.mark.parametrize(
    ("name", "least", "known"),
    [
        ("lanman_vocabulary.txt", 4700, {"aṃśu": "Soma-plant", "aṃsa": "shoulder", "yoga": "a setting to work"}),
        ("yoga_terms.json", 540, {"sādhanā": "means of accomplishing", "rāmānanda": "Vaishnava devotional poet"}),
    ],
)
async def test_a_real_dictionary_is_imported(
    pool: asyncpg.Pool, shared_data: Path, name: str, least: int, known: dict[str, str]
) -> None:
    store = PostgresStore(pool)
    parsed = parse((shared_data / "lexicon" / name).read_bytes(), None, Provenance(name, "test"))
    made = await store.create_version(NewVersion(entries=parsed.entries))
    assert made.version.entry_count == len(parsed.entries) >= least
    assert parsed.skipped_count < 0.05 * least
    stored = {entry.term: entry for entry in await store.entries(made.version.version_id)}
    for term, gloss in known.items():
        assert gloss in stored[term].gloss
    assert {(entry.source, entry.license) for entry in stored.values()} == {(name, "test")}


@pytest.mark.parametrize(
    ("name", "count", "reference", "text"),
    [
        ("gita_verses.json", 701, "BG 2.47", "karmaṇyevādhikāraste mā phaleṣu kadācana"),
        ("yoga_sutra.tei.xml", 195, "YS 1.2", "yogaś cittavṛttinirodhaḥ"),
    ],
)
async def test_the_verses_of_a_real_text_are_imported(
    pool: asyncpg.Pool, shared_data: Path, name: str, count: int, reference: str, text: str
) -> None:
    store = PostgresStore(pool)
    parsed = parse((shared_data / "lexicon" / name).read_bytes(), None, Provenance(name, "test"))
    await store.create_version(NewVersion(entries=(), verses=parsed.verses))
    assert await store.verse_count(name) == count
    stored = await pool.fetchval("SELECT text FROM verse WHERE source = $1 AND reference = $2", name, reference)
    assert text in stored


async def test_stored_vectors_come_back_as_they_were(pool: asyncpg.Pool) -> None:
    store = PostgresStore(pool)
    vector = np.random.default_rng(1).standard_normal(384).astype(np.float32)
    vector /= np.linalg.norm(vector)
    await store.add_vectors("m@1", [(("general", "x", ""), vector)])
    found = (await store.vectors("m@1"))[("general", "x", "")]
    assert float(found @ vector) == pytest.approx(1, abs=1e-3)
