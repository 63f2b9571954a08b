"""How a process follows the active version, and fills in vectors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from shodhana.similarity.adapters.snapshot_index import SnapshotIndex, VectorTable
from shodhana.similarity.domain.index import Matrix, Model
from shodhana.similarity.domain.lexicon import Entry, LexiconEmpty, Version
from shodhana.similarity.domain.library import Indexes, Key, Library
from shodhana.similarity.domain.query import Options, Query, VectorsMissing

DEADLINE_S = 60


class KeptVersions:
    """The part of the ports `LexiconStore` and `VectorStore` that a library uses, in memory."""

    def __init__(self) -> None:
        self.kept: dict[int, tuple[Version, Sequence[Entry]]] = {}
        self.active: int | None = None
        self.stored: dict[str, dict[Key, Matrix]] = {}

    def add(self, version: Version, entries: Sequence[Entry]) -> None:
        self.kept[version.version_id] = (replace(version, entry_count=len(entries)), entries)
        self.active = version.version_id

    async def active_version(self) -> Version | None:
        return None if self.active is None else self.kept[self.active][0]

    async def version(self, version_id: int) -> Version:
        return self.kept[version_id][0]

    async def entries(self, version_id: int) -> list[Entry]:
        return list(self.kept[version_id][1])

    async def vectors(self, model_id: str) -> dict[Key, Matrix]:
        return dict(self.stored.get(model_id, {}))

    async def add_vectors(self, model_id: str, vectors: Iterable[tuple[Key, Matrix]]) -> None:
        self.stored.setdefault(model_id, {}).update(vectors)


class Gate:
    """A vectorizer that answers only while the gate is open, of one model or of all."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.open = asyncio.Event()
        self.open.set()
        self.texts: list[str] = []
        self.free: Model | None = None

    async def vectors(self, model: Model, texts: Sequence[str], fingerprint: str, bulk: bool = False) -> Matrix:
        if model is not self.free:
            await self.open.wait()
        self.texts.extend(texts)
        return np.asarray(await self._inner.vectors(model, texts, fingerprint, bulk))

    async def fingerprints(self) -> dict[Model, str]:
        found: dict[Model, str] = await self._inner.fingerprints()
        return found


def build(_: Version, __: dict[Model, str], tables: dict[Model, tuple[list[int], Matrix]]) -> Indexes:
    index = SnapshotIndex({model: VectorTable(np.array(ids), matrix) for model, (ids, matrix) in tables.items()})
    return Indexes(index, index)


@pytest.fixture
def store(entries: tuple[Entry, ...]) -> KeptVersions:
    store = KeptVersions()
    store.add(a_version(1), entries)
    return store


def a_version(version_id: int) -> Version:
    return Version(version_id, True, 0, None, "", "", "", datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
def gate(vectorizer: Any) -> Gate:
    return Gate(vectorizer)


@pytest.fixture
async def library(store: KeptVersions, gate: Gate) -> AsyncIterator[Library]:
    library = Library(store, store, gate, build)
    yield library
    await library.close()


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not await condition():  # noqa: ASYNC110 — nothing tells when the answer turns
            await asyncio.sleep(0.005)


async def refresh_whole(library: Library) -> None:
    """Refreshes until meaning can be searched too."""
    await library.refresh()

    async def is_whole() -> bool:
        return "semantic@" in (await library.searcher(None))[1].scope

    await until(is_whole)


async def serving(library: Library) -> tuple[int, bool]:
    """The version that is searched, and whether by spelling alone."""
    version, searcher = await library.searcher(None)
    return version.version_id, (await searcher.search([Query("baktee")], Options())).degraded


async def test_nothing_to_search_is_said_and_ends_with_the_first_version(library: Library, store: KeptVersions) -> None:
    store.active = None
    await library.refresh()
    with pytest.raises(LexiconEmpty):
        await library.check()
    with pytest.raises(LexiconEmpty):
        await library.searcher(None)
    store.active = 1
    await library.refresh()
    await library.check()
    assert await serving(library) == (1, False)


async def test_the_version_before_serves_until_the_new_one_has_its_vectors(
    library: Library, store: KeptVersions, gate: Gate, entries: tuple[Entry, ...]
) -> None:
    await library.refresh()
    gate.open.clear()
    store.add(a_version(2), [*entries, Entry("japa", "spiritual", "", "noun", "repetition", entry_id=7)])
    following = asyncio.create_task(library.refresh())
    await library.refresh(patience_s=0.01)
    assert (await library.searcher(None))[0].version_id == 1
    gate.open.set()
    await following
    assert await serving(library) == (2, False)
    _, searcher = await library.searcher(None)
    found = await searcher.search([Query("jappa")], Options())
    assert found.lists[0][0].entry.term == "japa"


async def test_only_what_is_new_is_computed(
    library: Library, store: KeptVersions, gate: Gate, entries: tuple[Entry, ...]
) -> None:
    await refresh_whole(library)
    gate.texts.clear()
    store.add(a_version(2), [*entries, Entry("japa", "spiritual", "", "noun", "repetition", entry_id=7)])
    await refresh_whole(library)
    assert sorted(gate.texts) == ["japa", "japa: repetition"]


async def test_a_version_whose_vectors_take_too_long_is_searched_by_spelling(
    store: KeptVersions, gate: Gate, vectorizer: Any
) -> None:
    gate.open.clear()
    library = Library(store, store, gate, build, switch_s=0.01)
    await library.refresh()
    assert (await library.searcher(None))[0].version_id == 1
    gate.open.set()

    async def has_vectors() -> bool:
        await library.refresh()
        return await serving(library) == (1, False)

    await until(has_vectors)
    await library.close()


async def test_without_the_embedding_service_a_version_serves_and_its_vectors_come_later(
    library: Library, store: KeptVersions, vectorizer: Any
) -> None:
    vectorizer.is_down = True
    await library.refresh()
    assert await serving(library) == (1, True)
    vectorizer.is_down = False

    async def has_vectors() -> bool:
        await library.refresh()
        return not (await serving(library))[1]

    await until(has_vectors)
    assert {len(vectors) for vectors in store.stored.values()} == {6, 7}


async def test_a_pinned_version_gets_its_vectors_too(
    library: Library, store: KeptVersions, entries: tuple[Entry, ...]
) -> None:
    store.add(a_version(2), entries[:3])
    await library.refresh()

    async def has_vectors() -> bool:
        await library.refresh()
        _, searcher = await library.searcher(1)
        return not (await searcher.search([Query("baktee")], Options())).degraded

    await until(has_vectors)
    assert await serving(library) == (2, False)


async def test_results_are_scoped_by_the_models_they_were_found_with(library: Library, store: KeptVersions) -> None:
    await refresh_whole(library)
    _, searcher = await library.searcher(None)
    by_spelling = Library(store, store, None, build)
    await by_spelling.refresh()
    _, other = await by_spelling.searcher(None)
    assert searcher.scope == "phonetic@topics+semantic@topics"
    assert other.scope not in ("", searcher.scope)


async def test_vectors_are_made_anew_when_the_model_is_another(
    library: Library, store: KeptVersions, gate: Gate, vectorizer: Any
) -> None:
    await refresh_whole(library)
    _, before = await library.searcher(None)
    gate.texts.clear()
    vectorizer.is_of = "other topics"
    assert await serving(library) == (1, True)  # vectors of two models do not compare

    async def has_vectors() -> bool:
        await library.refresh()
        return not (await serving(library))[1]

    await until(has_vectors)
    _, searcher = await library.searcher(None)
    assert searcher.scope == "phonetic@other topics+semantic@other topics" != before.scope
    assert set(store.stored) == {f"{model.value}@{name}" for model in Model for name in ("topics", "other topics")}


async def test_an_unforeseen_fault_while_filling_is_raised_by_the_next_refresh(
    store: KeptVersions, vectorizer: Any
) -> None:
    def fails(*_: object) -> Indexes:
        raise ArithmeticError("no index today")

    library = Library(store, store, vectorizer, fails)
    await library.refresh()
    assert (await library.searcher(None))[0].version_id == 1
    with pytest.raises(ArithmeticError):
        await library.refresh()


async def test_few_versions_are_kept_loaded_and_the_active_one_always(
    library: Library, store: KeptVersions, entries: tuple[Entry, ...]
) -> None:
    for version_id in range(2, 7):
        store.add(a_version(version_id), entries)
    store.active = 1
    await library.refresh()
    for version_id in range(2, 7):
        await library.loaded(version_id)
    store.kept.clear()
    assert (await library.searcher(None))[0].version_id == 1
    assert (await library.loaded(6)).version.version_id == 6
    with pytest.raises(KeyError):
        await library.loaded(3)


async def test_vectors_stored_before_a_failure_are_not_computed_again(store: KeptVersions, vectorizer: Any) -> None:
    class FailsOnMeaning(Gate):
        async def vectors(self, model: Model, texts: Sequence[str], fingerprint: str, bulk: bool = False) -> Matrix:
            if model is Model.SEMANTIC and self.fails:
                raise VectorsMissing("down")
            return await super().vectors(model, texts, fingerprint, bulk)

    gate = FailsOnMeaning(vectorizer)
    gate.fails = True
    library = Library(store, store, gate, build)
    await library.refresh()
    gate.fails = False
    gate.texts.clear()

    async def has_vectors() -> bool:
        await library.refresh()
        return not (await serving(library))[1]

    await until(has_vectors)
    assert all(":" in text for text in gate.texts if text != "baktee")
    await library.close()


async def test_a_first_version_is_searched_by_sound_while_the_glosses_are_still_computed(
    store: KeptVersions, gate: Gate
) -> None:
    gate.free = Model.PHONETIC
    gate.open.clear()
    library = Library(store, store, gate, build)
    await library.refresh(patience_s=DEADLINE_S)
    version, searcher = await library.searcher(None)
    assert (version.version_id, searcher.scope) == (1, "phonetic@topics")
    found = await searcher.search([Query("baktee", "love of ___")], Options())
    assert not found.degraded
    gate.open.set()
    await refresh_whole(library)
    await library.close()
