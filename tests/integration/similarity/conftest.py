"""The real engines in this process as a vectorizer, and a database that holds a part of the glossary with vectors."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import pytest
from shodhana.embedding.__main__ import _load as load_engine
from shodhana.embedding.domain.engine import Engine
from shodhana.embedding.settings import EmbeddingSettings
from shodhana.runtime.postgres import open_pool
from shodhana.runtime.settings import RuntimeSettings
from shodhana.similarity.__main__ import _build_indexes
from shodhana.similarity.adapters.postgres_store import PostgresStore
from shodhana.similarity.domain.glossary import take_over_glossary
from shodhana.similarity.domain.index import Matrix, Model
from shodhana.similarity.domain.library import Library
from shodhana.similarity.domain.query import VectorsMissing
from shodhana.stack.migrations import role_of
from shodhana.stack.places import GLOSSARY, MODEL

ROLE_PASSWORD = "only-for-tests"
COMPUTING_S = 120  # for the vectors, on a busy machine
ROWS_A_FILE = 35
ENCODED_AT_ONCE = 64
NAMED = {"prārabdha", "bhakti", "viṣṇumāyā", "kuṇḍalinī", "kṛṣṇa", "sahasrāra", "samādhi", "nirodha"}


class LocalVectorizer:
    """The port `Vectorizer` over the engines themselves, each text encoded once; `is_down` makes it fail."""

    def __init__(self) -> None:
        settings = EmbeddingSettings(semantic_model_path=MODEL)
        self._engines = {model: load_engine(model.value, settings) for model in Model}
        self._known: dict[tuple[Model, str], Matrix] = {}
        self.is_down = False
        self.calls = 0

    async def vectors(self, model: Model, texts: Sequence[str], fingerprint: str, bulk: bool = False) -> Matrix:
        if self.is_down:
            raise VectorsMissing("down")
        self.calls += 1
        engine = self._engines[model]
        if missing := [text for text in dict.fromkeys(texts) if (model, text) not in self._known]:
            for start in range(0, len(missing), ENCODED_AT_ONCE):
                part = missing[start : start + ENCODED_AT_ONCE]
                fresh = await asyncio.to_thread(engine.encode, engine.tokenize(part))
                self._known.update(zip([(model, text) for text in part], fresh, strict=True))
        return np.stack([self._known[model, text] for text in texts])

    def engine(self, model: Model) -> Engine:
        return self._engines[model]

    async def fingerprints(self) -> dict[Model, str]:
        if self.is_down:
            raise VectorsMissing("down")
        return {model: engine.card.fingerprint for model, engine in self._engines.items()}


@pytest.fixture(scope="session")
def engines() -> LocalVectorizer:
    return LocalVectorizer()


@pytest.fixture(scope="session")
def glossary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with some rows of each file of the glossary, and those that the tests name."""
    folder = tmp_path_factory.mktemp("glossary")
    for path in sorted(GLOSSARY.glob("*.tsv")):
        header, *rows = path.read_text().splitlines()
        kept = [row for place, row in enumerate(rows) if place < ROWS_A_FILE or row.split("\t")[0] in NAMED]
        (folder / path.name).write_text("\n".join([header, *kept, ""]))
    return folder


@pytest.fixture
def vectorizer(engines: LocalVectorizer) -> LocalVectorizer:
    engines.is_down = False
    engines.calls = 0
    return engines


@pytest.fixture
async def pool(postgres_database: Any) -> AsyncIterator[asyncpg.Pool]:
    """Connections of the service's own role to an empty database."""
    settings = RuntimeSettings(database_url=postgres_database.role_url("similarity"), pool_min=1, pool_max=4)
    async with open_pool(settings, "similarity") as opened:
        yield opened


@pytest.fixture(scope="session")
def glossary_template(postgres_server: Any, engines: LocalVectorizer, glossary: Path) -> str:
    """The name of a database with the glossary and its vectors, to be copied: filling one takes seconds."""
    asyncio.run(_execute(postgres_server, "CREATE DATABASE glossary_template TEMPLATE shodhana"))
    asyncio.run(_fill(_url(postgres_server, "glossary_template"), engines, glossary))
    return "glossary_template"


@pytest.fixture
def glossary_database(postgres_server: Any, glossary_template: str) -> Iterator[str]:
    """The URL of the service's role to a copy of the filled database."""
    name = f"test_{uuid.uuid4().hex}"
    asyncio.run(_execute(postgres_server, f"CREATE DATABASE {name} TEMPLATE {glossary_template}"))
    yield _url(postgres_server, name)
    asyncio.run(_execute(postgres_server, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
async def glossary_pool(glossary_database: str) -> AsyncIterator[asyncpg.Pool]:
    settings = RuntimeSettings(database_url=glossary_database, pool_min=1, pool_max=4)
    async with open_pool(settings, "similarity") as opened:
        yield opened


@pytest.fixture
async def library(glossary_pool: asyncpg.Pool, vectorizer: LocalVectorizer) -> AsyncIterator[Library]:
    """A library that has loaded the part of the glossary."""
    library = library_over(glossary_pool, vectorizer)
    await until_filled(library)
    yield library
    await library.close()


def library_over(pool: asyncpg.Pool, vectorizer: LocalVectorizer | None) -> Library:
    store = PostgresStore(pool)
    return Library(store, store, vectorizer, partial(_build_indexes, pool), switch_s=COMPUTING_S)


async def _fill(url: str, engines: LocalVectorizer, glossary: Path) -> None:
    async with open_pool(RuntimeSettings(database_url=url, pool_min=1, pool_max=2), "similarity") as pool:
        await take_over_glossary(glossary, PostgresStore(pool))
        library = library_over(pool, engines)
        await until_filled(library)
        await library.close()


async def until_filled(library: Library) -> None:
    """Returns when the active version can be searched by sound and by meaning, in memory and in Postgres."""
    async with asyncio.timeout(COMPUTING_S):
        await library.refresh()
        while (await library.searcher(None))[0].version_id not in library.stored:
            await asyncio.sleep(0.02)
            await library.refresh()


def _url(server: Any, database: str) -> str:
    return str(server.url_of(role_of("similarity"), ROLE_PASSWORD, database))


async def _execute(server: Any, statement: str) -> None:
    connection = await asyncpg.connect(server.url_of("shodhana", server.password, "postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
