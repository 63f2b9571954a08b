"""The quality service over gRPC with real tokens, Postgres and Redis; its lexicon is the similarity service's own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import pytest
from shodhana.api.quality.v1 import quality_pb2 as pb
from shodhana.api.quality.v1 import quality_pb2_grpc as grpc_api
from shodhana.api.similarity.v1 import lexicon_pb2_grpc
from shodhana.identity.adapters.key_files import KeyFileSigner
from shodhana.quality.__main__ import register
from shodhana.quality.settings import QualitySettings
from shodhana.runtime.application import Application
from shodhana.runtime.postgres import open_pool
from shodhana.runtime.settings import RuntimeSettings
from shodhana.similarity.adapters.postgres_amendments import PostgresAmendments
from shodhana.similarity.adapters.postgres_store import PostgresStore
from shodhana.similarity.domain.lexicon import Entry, NewVersion
from shodhana.similarity.domain.library import Library
from shodhana.similarity.lexicon_servicer import LexiconServicer

TERMS = ("dhyāna", "kṛṣṇa", "prārabdha", "mokṣa", "śānti")
ALL = ("quality:write", "reports:read")


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls one replica with a token."""

    channel: grpc.aio.Channel
    token: str

    async def score(self, *lines: str, **options: Any) -> Any:
        cues = [pb.Cue(index=n, start_ms=1000 * n, end_ms=1000 * n + 900, text=line) for n, line in enumerate(lines, 1)]
        return await self.call("ScoreTranscript", pb.ScoreTranscriptRequest(cues=cues, **options))

    async def call(self, method: str, request: Any) -> Any:
        metadata = (("authorization", f"Bearer {self.token}"),)
        return await getattr(grpc_api.QualityServiceStub(self.channel), method)(request, metadata=metadata, timeout=30)


@dataclass(slots=True)
class Lexicon:
    """The lexicon part of the similarity service, and its address."""

    store: PostgresStore
    address: str = ""

    async def put(self, *terms: str) -> None:
        """Makes a version of these terms and activates it."""
        entries = tuple(Entry(term, "spiritual", "", "noun", f"meaning of {term}") for term in terms)
        await self.store.create_version(NewVersion(entries, merge=False))


@pytest.fixture
async def lexicon(postgres_database: Any) -> AsyncIterator[Lexicon]:
    settings = RuntimeSettings(database_url=postgres_database.role_url("similarity"), pool_min=1, pool_max=2)
    async with open_pool(settings, "similarity") as pool:
        store = PostgresStore(pool)
        server = grpc.aio.server()
        servicer = LexiconServicer(store, Library(store, store, None, _no_index), PostgresAmendments(pool))
        lexicon_pb2_grpc.add_LexiconServiceServicer_to_server(servicer, server)
        made = Lexicon(store, f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
        await made.put(*TERMS)
        await server.start()
        yield made
        await server.stop(None)


def _no_index(*_: object) -> Any:
    raise AssertionError("nothing is searched here")


@dataclass(slots=True)
class Replicas:
    """Starts replicas of the service in this process."""

    settings: dict[str, Any]
    signer: KeyFileSigner
    stack: AsyncExitStack
    started: list[Application] = field(default_factory=list)

    async def start(self, permissions: Sequence[str] = ALL, **settings: Any) -> Caller:
        own = QualitySettings(**{**self.settings, **settings})
        application = Application(own, self.stack)
        await register(application, own)
        port = await application.start()
        self.stack.push_async_callback(application.drain)
        channel = await self.stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{port}"))
        now = int(time.time())
        issued = {"iss": own.token_issuer, "aud": own.token_audience, "iat": now, "exp": now + 600}
        token = self.signer.sign({**issued, "sub": "users/1", "permissions": list(permissions)})
        return Caller(channel, token)


@pytest.fixture
async def replicas(
    postgres_database: Any, redis_server: Any, lexicon: Lexicon, tmp_path: Path
) -> AsyncIterator[Replicas]:
    settings = {
        "database_url": postgres_database.role_url("quality"),
        "redis_url": redis_server.url,
        "similarity_addresses": (lexicon.address,),
        "jwks_path": tmp_path / "jwks.json",
        "lexicon_refresh_s": 0.05,
        "stats_refresh_s": 0.2,
        "cache_tally_s": 0.05,
        "pool_min": 1,
        "pool_max": 5,
        "drain_s": 0,
        "stop_grace_s": 0.2,
    }
    async with AsyncExitStack() as stack:
        yield Replicas(settings, KeyFileSigner(tmp_path / "key.json", tmp_path / "jwks.json"), stack)


@pytest.fixture
async def caller(replicas: Replicas) -> Caller:
    """A replica that has read the lexicon."""
    started = await replicas.start()
    await until_lexicon(started)
    return started


async def until_lexicon(caller: Caller, version: str = "") -> None:
    """Returns when a replica scores with this version of the lexicon, or with any."""
    async with asyncio.timeout(60):
        while True:
            report = await caller.score("dhyāna", validate_only=True)
            if report.lexicon_version and version in ("", report.lexicon_version):
                return
            await asyncio.sleep(0.02)


@pytest.fixture
def until(replicas: Replicas) -> Callable[..., Any]:
    return until_lexicon


@pytest.fixture
async def owner(postgres_database: Any) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the database's owner."""
    connection = await asyncpg.connect(postgres_database.url)
    yield connection
    await connection.close()


@pytest.fixture
async def role(postgres_database: Any) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the service's own role."""
    connection = await asyncpg.connect(postgres_database.role_url("quality"))
    yield connection
    await connection.close()
