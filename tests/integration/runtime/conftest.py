"""Servers of the real runtime behind scripted servicers of real contracts, with real keys and tokens."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
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
from grpc_health.v1 import health_pb2, health_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
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
from shodhana.stack.ports import free_port

EVERYTHING = ("lexicon:read", "embeddings:read", "reviews:read", "reviews:write", "users:manage")
PATIENCE_S = 60.0
DEADLINE_S = 60
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


@dataclass
class Process:
    """A running service, and the files it speaks by."""

    process: asyncio.subprocess.Process
    target: str
    directory: Path

    @property
    def events(self) -> list[str]:
        path = self.directory / "events"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def logs(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.directory / "log").read_text().splitlines()]

    @property
    def complaints(self) -> str:
        return (self.directory / "complaints").read_text()

    def release(self, name: str) -> None:
        (self.directory / name).touch()

    async def status(self, service: str = "") -> int:
        """The health; 0 while it does not answer."""
        async with grpc.aio.insecure_channel(self.target) as channel:
            try:
                request = health_pb2.HealthCheckRequest(service=service)
                return int((await health_pb2_grpc.HealthStub(channel).Check(request, timeout=10)).status)
            except grpc.aio.AioRpcError:
                return 0

    async def until_status(self, status: int, service: str = "") -> None:
        async with asyncio.timeout(DEADLINE_S):
            while await self.status(service) != status:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        async with asyncio.timeout(DEADLINE_S):
            return await self.process.wait()


@pytest.fixture
async def start(tmp_path: Path, signer: KeyFileSigner) -> AsyncIterator[Callable[..., Awaitable[Process]]]:
    """Starts a process; `ready` lets its door stand open from the beginning."""
    started: list[asyncio.subprocess.Process] = []

    async def start(ready: bool = True, **settings: str) -> Process:
        directory = tmp_path / f"process-{len(started)}"
        directory.mkdir()
        if ready:
            (directory / "ready").touch()
        target = f"127.0.0.1:{free_port()}"
        environment = {
            "LISTEN_ADDRESS": target,
            "JWKS_PATH": str(tmp_path / "jwks.json"),
            "EVENTS_PATH": str(directory / "events"),
            "READY_PATH": str(directory / "ready"),
            "RELEASE_PATH": str(directory / "release"),
            "DRAIN_S": "0.3",
            "STOP_GRACE_S": "5",
            **settings,
        }
        with (directory / "log").open("w") as log, (directory / "complaints").open("w") as complaints:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, str(Path(__file__).with_name("service.py"))),
                env=os.environ | environment,
                stdout=log,
                stderr=complaints,
            )
        started.append(process)
        return Process(process, target, directory)

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.wait()


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps the spans that arrive over OTLP."""

    def __init__(self) -> None:
        self.spans: list[Any] = []

    async def Export(self, request: Any, context: Any) -> Any:
        scopes = (scope for resource in request.resource_spans for scope in resource.scope_spans)
        self.spans.extend(span for scope in scopes for span in scope.spans)
        return trace_service_pb2.ExportTraceServiceResponse()


@pytest.fixture
async def collector() -> AsyncIterator[tuple[Collector, str]]:
    server, servicer = grpc.aio.server(), Collector()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield servicer, f"http://127.0.0.1:{port}"
    await server.stop(0)


@pytest.fixture
def metadata(signer: Any) -> Callable[..., tuple[tuple[str, str], ...]]:
    def metadata(**headers: str) -> tuple[tuple[str, str], ...]:
        now = int(time.time())
        common = {"iss": "https://identity.shodhana.local", "aud": "shodhana", "sub": "tester", "exp": now + 600}
        token = signer.sign(common | {"permissions": ["lexicon:read"]})
        return (("authorization", f"Bearer {token}"), *headers.items())

    return metadata
