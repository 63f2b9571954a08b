"""Starts the similarity service."""

from __future__ import annotations

import asyncio
import ctypes
from contextlib import suppress
from functools import partial
from pathlib import Path

import asyncpg
import numpy as np

from shodhana.api.similarity.v1 import lexicon_pb2_grpc, similarity_pb2_grpc, verses_pb2_grpc
from shodhana.runtime import postgres
from shodhana.runtime.application import Application, run
from shodhana.runtime.cache import LayeredCache, MemoryCache
from shodhana.runtime.cache_tally import CacheTally
from shodhana.runtime.redis import open_redis

from .adapters.embeddings import EmbeddingClient
from .adapters.postgres_amendments import PostgresAmendments
from .adapters.postgres_index import PostgresIndex
from .adapters.postgres_store import PostgresStore
from .adapters.postgres_verses import PostgresVerses
from .adapters.snapshot_index import SnapshotIndex, VectorTable
from .domain.glossary import take_over_glossary
from .domain.index import Model
from .domain.lexicon import Version
from .domain.library import Indexes, Library, Table
from .domain.verses import VerseShelf, take_over_verses
from .lexicon_servicer import LexiconServicer
from .servicer import SimilarityServicer
from .settings import SimilaritySettings
from .verse_servicer import VerseServicer


async def register(app: Application, settings: SimilaritySettings) -> None:
    pool = await app.enter(postgres.open_pool(settings, "similarity"))
    redis = await app.enter(open_redis(settings))
    store = PostgresStore(pool)
    vectorizer = EmbeddingClient(app.channel("embedding")) if settings.enable_epic_3 else None
    library = Library(store, store, vectorizer, partial(_build_indexes, pool))
    memory = MemoryCache(settings.cache_entries, settings.cache_ttl_s)
    cache = LayeredCache("search_terms", redis, memory, settings.cache_ttl_s)
    tally = CacheTally(redis)
    tally.watch(cache)
    app.background("cache-tally", tally.keep_up)
    if settings.glossary_path is not None:  # a task of its own: a broken file must not stop what is there already
        app.background("glossary", partial(take_over_glossary, settings.glossary_path, store))
    app.background("lexicon", partial(_keep_up, library, settings.refresh_s))
    app.reports("postgres", partial(postgres.ping, pool))  # what is loaded is searched from memory
    app.ready_when("lexicon", library.check)
    similarity_pb2_grpc.add_SimilarityServiceServicer_to_server(SimilarityServicer(library, cache), app.server)
    lexicon = LexiconServicer(store, library, PostgresAmendments(pool))
    lexicon_pb2_grpc.add_LexiconServiceServicer_to_server(lexicon, app.server)
    app.serves("shodhana.api.similarity.v1.SimilarityService", "shodhana.api.similarity.v1.LexiconService")
    if settings.enable_epic_3:
        _register_verses(app, settings, pool)


def _register_verses(app: Application, settings: SimilaritySettings, pool: asyncpg.Pool) -> None:
    """Verses are no part of the core engine: without it nobody asks for them."""
    store = PostgresVerses(pool)
    shelf = VerseShelf(store)
    if settings.verses_path is not None:
        app.background("shipped verses", partial(_take_over, settings.verses_path, store, shelf))
    app.background("verses", partial(_follow, shelf, settings.refresh_s))
    app.ready_when("verses", shelf.check)
    verses_pb2_grpc.add_VerseServiceServicer_to_server(VerseServicer(store, shelf), app.server)
    app.serves("shodhana.api.similarity.v1.VerseService")


async def _take_over(folder: Path, store: PostgresVerses, shelf: VerseShelf) -> None:
    await take_over_verses(folder, store)
    await shelf.refresh()


async def _follow(shelf: VerseShelf, interval_s: float) -> None:
    while True:
        await shelf.refresh()
        await asyncio.sleep(interval_s)


async def _keep_up(library: Library, interval_s: float) -> None:
    searchable: frozenset[tuple[int, Model]] = frozenset()
    try:
        while True:
            await library.refresh()
            if library.searchable != searchable:
                searchable = library.searchable
                await asyncio.to_thread(_release_memory)
            await asyncio.sleep(interval_s)
    finally:
        await library.close()


def _release_memory() -> None:
    """Gives back what loading a version took beside what it keeps: glibc holds on to it for good."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _build_indexes(
    pool: asyncpg.Pool, version: Version, model_ids: dict[Model, str], tables: dict[Model, Table]
) -> Indexes:
    snapshot = {model: VectorTable(np.array(ids, np.int64), matrix) for model, (ids, matrix) in tables.items()}
    return Indexes(SnapshotIndex(snapshot), PostgresIndex(pool, version.version_id, model_ids))


if __name__ == "__main__":
    run(SimilaritySettings(), register)
