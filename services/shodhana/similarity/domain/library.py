"""The versions this process has loaded, and how it keeps up with the active one."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .index import DIMENSIONS, Matrix, Model, VectorIndex
from .lexicon import Entry, LexiconEmpty, LexiconStore, Version
from .lookup import LoadedVersion
from .search import Searcher, Vectorizer, VectorsMissing

KEPT_VERSIONS = 3
Key = tuple[str, str, str]


class VectorStore(Protocol):
    """Vectors by (domain, term_norm, context_hash), for one model and fingerprint."""

    async def vectors(self, model_id: str) -> dict[Key, Matrix]: ...

    async def add_vectors(self, model_id: str, vectors: Iterable[tuple[Key, Matrix]]) -> None: ...


@dataclass(frozen=True, slots=True)
class Indexes:
    """The two ways to search a version's vectors."""

    snapshot: VectorIndex
    postgres: VectorIndex


BuildIndexes = Callable[[Version, dict[Model, str], dict[Model, tuple[list[int], Matrix]]], Indexes]


@dataclass(slots=True)
class Shelf:
    """A loaded version; its indexes come when its vectors are there."""

    loaded: LoadedVersion
    indexes: Indexes | None = None


class Library:
    """Loads versions when they are asked for, and the active one as soon as it changes."""

    def __init__(
        self, store: LexiconStore, vectors: VectorStore, vectorizer: Vectorizer | None, build: BuildIndexes
    ) -> None:
        self._store = store
        self._vectors = vectors
        self._vectorizer = vectorizer
        self._build = build
        self._shelves: OrderedDict[int, Shelf] = OrderedDict()
        self._active: int | None = None
        self._loading = asyncio.Lock()

    async def loaded(self, version_id: int) -> LoadedVersion:
        """A version. Raises VersionNotFound."""
        return (await self._shelf(version_id)).loaded

    async def searcher(self, version_id: int | None, use_postgres: bool = False) -> tuple[Version, Searcher]:
        """A searcher over a version, None: the active one. Raises LexiconEmpty, VersionNotFound."""
        shelf = await self._shelf(version_id)
        index = None
        if shelf.indexes is not None:
            index = shelf.indexes.postgres if use_postgres else shelf.indexes.snapshot
        return shelf.loaded.version, Searcher(shelf.loaded, index, self._vectorizer)

    async def refresh(self) -> None:
        """Follows the active version and fills in vectors that are missing. Asked about once a second."""
        version = await self._store.active_version()
        if version is None:
            return
        shelf = await self._load(version.version_id)
        self._active = version.version_id
        if shelf.indexes is None and self._vectorizer is not None:
            try:
                shelf.indexes = await self._index(shelf.loaded, self._vectorizer)
            except VectorsMissing:
                return  # the next refresh tries again; searches go on by spelling

    async def check(self) -> None:
        """Raises LexiconEmpty while there is nothing to search."""
        await self._shelf(None)

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
                    del self._shelves[oldest]
            return shelf

    async def _index(self, loaded: LoadedVersion, vectorizer: Vectorizer) -> Indexes:
        model_ids: dict[Model, str] = {}
        tables: dict[Model, tuple[list[int], Matrix]] = {}
        for model in Model:
            model_ids[model] = f"{model.value}@{await vectorizer.fingerprint(model)}"
            wanted = _wanted(model, loaded.entries.values())
            found = await self._complete(model, model_ids[model], wanted, vectorizer)
            rows = [(entry_id, found[key]) for key, (_, ids) in wanted.items() for entry_id in ids]
            matrix = np.stack([row for _, row in rows]) if rows else np.zeros((0, DIMENSIONS), np.float32)
            tables[model] = ([entry_id for entry_id, _ in rows], matrix)
        return self._build(loaded.version, model_ids, tables)

    async def _complete(
        self, model: Model, model_id: str, wanted: dict[Key, tuple[str, list[int]]], vectorizer: Vectorizer
    ) -> dict[Key, Matrix]:
        """The wanted vectors; those not stored yet are computed and stored."""
        found = await self._vectors.vectors(model_id)
        missing = [key for key in wanted if key not in found]
        if missing:
            fresh = await vectorizer.vectors(model, [wanted[key][0] for key in missing], bulk=True)
            pairs = list(zip(missing, fresh, strict=True))
            await self._vectors.add_vectors(model_id, pairs)
            found.update(pairs)
        return found


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
