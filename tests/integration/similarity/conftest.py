"""The real engines in this process as a vectorizer, and a database that holds the glossary with its vectors."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from typing import Any

import asyncpg
import numpy as np
import pytest
from shodhana.embedding.adapters.openvino_engine import OpenVinoEngine
from shodhana.embedding.domain.phonetic import PhoneticEngine
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
COMPUTING_S = 120  # for the vectors of the whole glossary, on a busy machine


class LocalVectorizer:
    """The port `Vectorizer` over the engines themselves, each text encoded once; `is_down` makes it fail."""

    def __init__(self) -> None:
        self._engines = {Model.PHONETIC: PhoneticEngine(), Model.SEMANTIC: OpenVinoEngine(MODEL)}
        self._known: dict[tuple[Model, str], Matrix] = {}
        self.is_down = False
        self.calls = 0

    async def vectors(self, model: Model, texts: Sequence[str], bulk: bool = False) -> Matrix:
        if self.is_down:
            raise VectorsMissing("down")
        self.calls += 1
        engine = self._engines[model]
        if missing := [text for text in dict.fromkeys(texts) if (model, text) not in self._known]:
            fresh = engine.encode(engine.tokenize(missing))
            self._known.update(zip([(model, text) for text in missing], fresh, strict=True))
        return np.stack([self._known[model, text] for text in texts])

    async def fingerprint(self, model: Model) -> str:
        return self._engines[model].card.fingerprint


@pytest.fixture(scope="session")
def engines() -> LocalVectorizer:
    return LocalVectorizer()


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
def glossary_template(postgres_server: Any, engines: LocalVectorizer) -> str:
    """The name of a database with the glossary and its vectors, to be copied: filling one takes seconds."""
    asyncio.run(_execute(postgres_server, "CREATE DATABASE glossary_template TEMPLATE shodhana"))
    asyncio.run(_fill(_url(postgres_server, "glossary_template"), engines))
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
    """A library that has loaded the glossary."""
    library = library_over(glossary_pool, vectorizer)
    await library.refresh()
    yield library
    await library.close()


def library_over(pool: asyncpg.Pool, vectorizer: LocalVectorizer | None) -> Library:
    store = PostgresStore(pool)
    return Library(store, store, vectorizer, partial(_build_indexes, pool), switch_s=COMPUTING_S)


async def _fill(url: str, engines: LocalVectorizer) -> None:
    async with open_pool(RuntimeSettings(database_url=url, pool_min=1, pool_max=2), "similarity") as pool:
        await take_over_glossary(GLOSSARY, PostgresStore(pool))
        library = library_over(pool, engines)
        await library.refresh()
        await library.close()


def _url(server: Any, database: str) -> str:
    return str(server.url_of(role_of("similarity"), ROLE_PASSWORD, database))


async def _execute(server: Any, statement: str) -> None:
    connection = await asyncpg.connect(server.url_of("shodhana", server.password, "postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
