"""The versions this process has loaded, and how it keeps up with the active one."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from .index import DIMENSIONS, Halves, Matrix, Model, VectorIndex
from .lexicon import Entry, LexiconEmpty, LexiconStore, Version
from .lookup import LoadedVersion
from .memory import LegMemory
from .query import Vectorizer, VectorsMissing
from .search import Searcher

KEPT_VERSIONS = 3
SWITCH_S = 30.0  # how long a new version's vectors are waited for before it is searched by spelling alone
STORED_AT_ONCE = 1000  # vectors; what is stored survives a failure of the embedding service half-way
Key = tuple[str, str, str]
Fingerprints = dict[Model, str]


class VectorStore(Protocol):
    """Vectors by (domain, term_norm, context_hash), for one model and fingerprint."""

    async def vectors(self, model_id: str) -> dict[Key, Halves]: ...

    async def add_vectors(self, model_id: str, vectors: Iterable[tuple[Key, Matrix]]) -> None: ...


@dataclass(frozen=True, slots=True)
class Indexes:
    """The two ways to search a version's vectors."""

    snapshot: VectorIndex
    postgres: VectorIndex


Table = tuple[list[int], Halves]
BuildIndexes = Callable[[Version, dict[Model, str], dict[Model, Table]], Indexes]


@dataclass(slots=True)
class Shelf:
    """A loaded version; its indexes come when its vectors are there, `fingerprints` are those of the vectors."""

    loaded: LoadedVersion
    indexes: Indexes | None = None
    fingerprints: Fingerprints = field(default_factory=dict)
    filling: asyncio.Task[None] | None = None
    is_searchable: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once it can be searched by sound; meaning follows."""
    is_stored: bool = False
    """Whether Postgres has the vectors too: it takes longer to index them than they take to compute."""
    memory: LegMemory = field(default_factory=LegMemory)


class Library:
    """Loads versions when they are asked for, and the active one as soon as it changes."""

    def __init__(
        self,
        store: LexiconStore,
        vectors: VectorStore,
        vectorizer: Vectorizer | None,
        build: BuildIndexes,
        switch_s: float = SWITCH_S,
    ) -> None:
        self._store = store
        self._vectors = vectors
        self._vectorizer = vectorizer
        self._build = build
        self._switch_s = switch_s
        self._shelves: OrderedDict[int, Shelf] = OrderedDict()
        self._active: int | None = None
        self._latest: int | None = None
        self._loading = asyncio.Lock()
        self._indexing = asyncio.Lock()

    @property
    def searchable(self) -> frozenset[tuple[int, Model]]:
        """Numbers of the loaded versions, with the models whose vectors can be searched."""
        return frozenset((number, model) for number, shelf in self._shelves.items() for model in shelf.fingerprints)

    @property
    def stored(self) -> frozenset[int]:
        """Numbers of the loaded versions of which Postgres has all vectors."""
        return frozenset(number for number, shelf in self._shelves.items() if shelf.is_stored)

    async def loaded(self, version_id: int) -> LoadedVersion:
        """A version. Raises VersionNotFound."""
        return (await self._shelf(version_id)).loaded

    async def searcher(self, version_id: int | None, use_postgres: bool = False) -> tuple[Version, Searcher]:
        """A searcher over a version, None: the active one. Raises LexiconEmpty, VersionNotFound."""
        shelf = await self._shelf(version_id)
        index = None
        if shelf.indexes is not None and (shelf.is_stored or not use_postgres):
            index = shelf.indexes.postgres if use_postgres else shelf.indexes.snapshot
        memory = None if use_postgres else shelf.memory
        return shelf.loaded.version, Searcher(shelf.loaded, index, self._vectorizer, shelf.fingerprints, memory)

    async def refresh(self, patience_s: float | None = None) -> None:
        """Follows the active version, with its vectors where they are to be had. Asked about once a second.

        The version before serves until the vectors of the new one are there, or could not be had for `switch_s`.
        With a patience it returns after so long, though the version before may still serve.
        """
        version = await self._store.active_version()
        if version is None:
            return
        shelf = await self._load(version.version_id)
        self._latest = version.version_id
        fingerprints = await self._fingerprints()
        for each in self._shelves.values():
            self._keep_filling(each, fingerprints)
        if shelf.filling is not None and self._active != version.version_id:
            is_filled = await _filled(shelf, patience_s or self._switch_s)
            if not is_filled and patience_s is not None:
                return
        if self._latest == version.version_id:
            self._active = version.version_id

    async def close(self) -> None:
        """Gives up filling in vectors."""
        tasks = [shelf.filling for shelf in self._shelves.values() if shelf.filling is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def check(self) -> None:
        """Raises LexiconEmpty while there is nothing to search."""
        if self._active is None:
            raise LexiconEmpty("no lexicon version is loaded yet")

    async def _shelf(self, version_id: int | None) -> Shelf:
        if version_id is None:
            version_id = self._active
        if version_id is None:
            raise LexiconEmpty("no lexicon version is active: import one")
        return self._shelves.get(version_id) or await self._load(version_id)

    async def _load(self, version_id: int) -> Shelf:
        async with self._loading:
            shelf = self._shelves.get(version_id)
            if shelf is None:
                version = await self._store.version(version_id)
                entries = await self._store.entries(version_id)
                shelf = Shelf(await asyncio.to_thread(LoadedVersion, version, entries))
                self._shelves[version_id] = shelf
                while len(self._shelves) > KEPT_VERSIONS:
                    oldest = next(number for number in self._shelves if number != self._active)
                    evicted = self._shelves.pop(oldest)
                    if evicted.filling is not None:
                        evicted.filling.cancel()
            return shelf

    async def _fingerprints(self) -> Fingerprints:
        """Those of the models as they are now; empty where they cannot be had."""
        if self._vectorizer is not None:
            with suppress(VectorsMissing):
                return await self._vectorizer.fingerprints()
        return {}

    def _keep_filling(self, shelf: Shelf, fingerprints: Fingerprints) -> None:
        """Fills a shelf in the background, again where the models have changed.

        Raises what went wrong the last time, unless vectors were missing.
        """
        if shelf.filling is not None and shelf.filling.done():
            last, shelf.filling = shelf.filling, None
            last.result()
        is_right = shelf.indexes is not None and shelf.fingerprints == fingerprints
        if self._vectorizer is not None and fingerprints and not is_right and shelf.filling is None:
            shelf.filling = asyncio.create_task(self._fill(shelf, self._vectorizer, fingerprints))

    async def _fill(self, shelf: Shelf, vectorizer: Vectorizer, fingerprints: Fingerprints) -> None:
        async with self._indexing:
            # Without the embedding service searches go on by spelling, and the next refresh tries again.
            with suppress(VectorsMissing):
                await self._index(shelf, vectorizer, fingerprints)

    async def _index(self, shelf: Shelf, vectorizer: Vectorizer, fingerprints: Fingerprints) -> None:
        """Model by model, sound first: the vectors of all glosses take seconds, and few searches need them.

        Vectors that were searched before serve until all new ones are there.
        """
        is_first = shelf.indexes is None
        model_ids: dict[Model, str] = {}
        tables: dict[Model, Table] = {}
        async with _Storing(self._vectors) as storing:
            for model in sorted(fingerprints, key=lambda model: model is not Model.PHONETIC):
                model_ids[model] = f"{model.value}@{fingerprints[model]}"
                wanted = await asyncio.to_thread(_wanted, model, tuple(shelf.loaded.entries.values()))
                found = await self._complete(model, fingerprints[model], wanted, vectorizer, storing)
                tables[model] = await asyncio.to_thread(_table, wanted, found)
                if not is_first and len(tables) < len(fingerprints):
                    continue
                indexes = await asyncio.to_thread(self._build, shelf.loaded.version, dict(model_ids), dict(tables))
                shelf.indexes, shelf.fingerprints = indexes, {known: fingerprints[known] for known in model_ids}
                shelf.is_searchable.set()
        shelf.is_stored = True

    async def _complete(
        self,
        model: Model,
        fingerprint: str,
        wanted: dict[Key, tuple[str, list[int]]],
        vectorizer: Vectorizer,
        storing: _Storing,
    ) -> dict[Key, Halves]:
        """The wanted vectors; those not stored yet are computed, and stored meanwhile."""
        model_id = f"{model.value}@{fingerprint}"
        found = await self._vectors.vectors(model_id)
        missing = [key for key in wanted if key not in found]
        for start in range(0, len(missing), STORED_AT_ONCE):
            part = missing[start : start + STORED_AT_ONCE]
            fresh = await vectorizer.vectors(model, [wanted[key][0] for key in part], fingerprint, bulk=True)
            pairs = list(zip(part, fresh, strict=True))
            storing.add(model_id, pairs)
            found.update((key, row.astype(np.float16)) for key, row in pairs)
        return found


class _Storing:
    """Stores vectors one part after the other beside what computes them; the block ends when all are stored.

    What was computed before a failure is stored too; cancelled, it gives up.
    """

    def __init__(self, store: VectorStore) -> None:
        self._store = store
        self._last: asyncio.Task[None] | None = None

    async def __aenter__(self) -> _Storing:
        return self

    async def __aexit__(self, failure: type[BaseException] | None, *_: object) -> None:
        if self._last is None:
            return
        if failure is not None and issubclass(failure, asyncio.CancelledError):
            self._last.cancel()
        await self._last

    def add(self, model_id: str, vectors: Sequence[tuple[Key, Matrix]]) -> None:
        self._last = asyncio.create_task(self._after(self._last, model_id, vectors))

    async def _after(
        self, before: asyncio.Task[None] | None, model_id: str, vectors: Sequence[tuple[Key, Matrix]]
    ) -> None:
        if before is not None:
            await before
        await self._store.add_vectors(model_id, vectors)


async def _filled(shelf: Shelf, seconds: float) -> bool:
    """Waits until a shelf can be searched or its filling has ended; whether it did in time."""
    if shelf.filling is None:
        return True
    searchable = asyncio.create_task(shelf.is_searchable.wait())
    try:
        ended, _ = await asyncio.wait({shelf.filling, searchable}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        searchable.cancel()
    return bool(ended)


def _table(wanted: dict[Key, tuple[str, list[int]]], found: dict[Key, Halves]) -> Table:
    """Entries and their vectors, row by row."""
    rows = [(entry_id, found[key]) for key, (_, ids) in wanted.items() for entry_id in ids]
    matrix = np.stack([row for _, row in rows]) if rows else np.zeros((0, DIMENSIONS), np.float16)
    return [entry_id for entry_id, _ in rows], matrix


def _wanted(model: Model, entries: Iterable[Entry]) -> dict[Key, tuple[str, list[int]]]:
    """Text and entries for each vector that a version needs."""
    wanted: dict[Key, tuple[str, list[int]]] = {}
    for entry in entries:
        for key, text in _texts(model, entry):
            wanted.setdefault(key, (text, []))[1].append(entry.entry_id)
    return wanted


def _texts(model: Model, entry: Entry) -> Sequence[tuple[Key, str]]:
    if model is Model.SEMANTIC:
        fold = next(iter(entry.forms), "")
        return [((entry.domain, fold, entry.gloss_hash), f"{entry.term}: {entry.gloss}")]
    return [((entry.domain, fold, ""), spelling) for fold, spelling in entry.forms.items()]
