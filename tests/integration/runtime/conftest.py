"""Servers of the real runtime behind scripted servicers of real contracts, with real keys and tokens."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
import structlog
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from shodhana.api.embedding.v1 import embedding_pb2_grpc
from shodhana.api.identity.v1 import identity_pb2_grpc
from shodhana.api.review.v1 import review_pb2_grpc
from shodhana.api.similarity.v1 import similarity_pb2, similarity_pb2_grpc
from shodhana.identity.adapters.key_files import KeyFileSigner
from shodhana.runtime import telemetry
from shodhana.runtime.application import Application
from shodhana.runtime.channels import MeshChannel
from shodhana.runtime.replicas import Replicas
from shodhana.runtime.settings import RuntimeSettings

EVERYTHING = ("lexicon:read", "embeddings:read", "reviews:read", "reviews:write", "users:manage")
PATIENCE_S = 10.0
Answer = Callable[[Any, Any], Awaitable[Any]]


async def empty_answer(_request: Any, _context: Any) -> similarity_pb2.SearchResponse:
    return similarity_pb2.SearchResponse()


@dataclass
class Script(
    similarity_pb2_grpc.SimilarityServiceServicer,
    embedding_pb2_grpc.EmbeddingServiceServicer,
    review_pb2_grpc.ReviewServiceServicer,
    identity_pb2_grpc.IdentityServiceServicer,
    identity_pb2_grpc.UserServiceServicer,
):
    """Does what the test says, one RPC of each shape: unary, server-streaming and streaming both ways."""

    search: Answer = empty_answer
    watch: Any = None
    embed_stream: Any = None
    create_user: Any = None
    issue_token: Any = None
    calls: list[Any] = field(default_factory=list)

    async def Search(self, request: Any, context: Any) -> Any:
        self.calls.append(request)
        return await self.search(request, context)

    async def WatchCases(self, request: Any, context: Any) -> AsyncIterator[Any]:
        self.calls.append(request)
        async for item in self.watch(request, context):
            yield item

    async def EmbedStream(self, request_iterator: Any, context: Any) -> AsyncIterator[Any]:
        async for item in self.embed_stream(request_iterator, context):
            yield item

    async def CreateUser(self, request: Any, context: Any) -> Any:
        self.calls.append(request)
        return await self.create_user(request, context)

    async def IssueToken(self, request: Any, context: Any) -> Any:
        self.calls.append(request)
        return await self.issue_token(request, context)


@dataclass
class Served:
    """A running server, and what is needed to call it."""

    script: Script
    application: Application
    target: str
    channel: grpc.aio.Channel
    sign: Callable[..., str]

    @property
    def similarity(self) -> similarity_pb2_grpc.SimilarityServiceStub:
        return similarity_pb2_grpc.SimilarityServiceStub(self.channel)

    def metadata(self, *permissions: str, **headers: str) -> tuple[tuple[str, str], ...]:
        """A good token with these permissions (all where none is named), and further headers."""
        token = self.sign(permissions or EVERYTHING)
        return (
            ("authorization", f"Bearer {token}"),
            *((name.replace("_", "-"), text) for name, text in headers.items()),
        )


@pytest.fixture
def signer(tmp_path: Path) -> KeyFileSigner:
    return KeyFileSigner(tmp_path / "key.json", tmp_path / "jwks.json")


@pytest.fixture
async def serve(tmp_path: Path, signer: KeyFileSigner) -> AsyncIterator[Callable[..., Awaitable[Served]]]:
    """Starts a server; all end with the test."""
    async with AsyncExitStack() as stack:

        async def start(**changes: Any) -> Served:
            given: dict[str, Any] = {"jwks_path": tmp_path / "jwks.json", "drain_s": 0, "stop_grace_s": 0.2}
            settings = RuntimeSettings(**(given | changes))
            script = Script()
            application = Application(settings, stack)
            similarity_pb2_grpc.add_SimilarityServiceServicer_to_server(script, application.server)
            embedding_pb2_grpc.add_EmbeddingServiceServicer_to_server(script, application.server)
            review_pb2_grpc.add_ReviewServiceServicer_to_server(script, application.server)
            identity_pb2_grpc.add_IdentityServiceServicer_to_server(script, application.server)
            identity_pb2_grpc.add_UserServiceServicer_to_server(script, application.server)
            application.serves("shodhana.api.similarity.v1.SimilarityService")
            target = f"127.0.0.1:{await application.start()}"
            stack.push_async_callback(application.drain)
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(target))

            def sign(permissions: Any, key: KeyFileSigner = signer, /, **changes: Any) -> str:
                return key.sign(claims(settings, permissions) | changes)

            return Served(script, application, target, channel, sign)

        yield start


def claims(settings: RuntimeSettings, permissions: Any) -> dict[str, Any]:
    now = int(time.time())
    common = {"iss": settings.token_issuer, "aud": settings.token_audience, "iat": now, "exp": now + 600}
    return common | {"sub": "serviceAccounts/tester", "permissions": list(permissions), "jti": uuid.uuid4().hex}


@pytest.fixture
async def served(serve: Callable[..., Awaitable[Served]]) -> Served:
    return await serve()


@pytest.fixture
async def mesh(served: Served) -> AsyncIterator[Callable[..., MeshChannel]]:
    """Makes channels of the mesh that carry a good token in place of a service account's."""
    made: list[MeshChannel] = []

    class Tokens:
        async def header(self) -> str:
            return f"Bearer {served.sign(EVERYTHING)}"

        def refused(self, header: str) -> None:
            raise AssertionError("a good token was refused")

    def channel(*targets: str, **options: Any) -> MeshChannel:
        tokens: Any = Tokens()
        made.append(MeshChannel("similarity", Replicas("similarity", targets, **options), tokens))
        return made[-1]

    yield channel
    for one in made:
        await one.close()


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    """Every line that is logged, as the dictionary it is made of."""
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[ReadableSpan]]]:
    """The spans that have ended, all sampled."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(telemetry, "tracer", provider.get_tracer("tests"))
    yield lambda: list(exporter.get_finished_spans())
    provider.shutdown()


async def until(condition: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
    """Returns when the condition holds; fails when it does not in time."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


@pytest.fixture(name="until")
def until_fixture() -> Any:
    return until
