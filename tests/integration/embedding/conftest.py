"""The embedding service as processes of its own, called over gRPC with real tokens, on a real Redis."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from numpy.typing import NDArray
from shodhana.api.embedding.v1 import embedding_pb2 as pb
from shodhana.api.embedding.v1 import embedding_pb2_grpc as grpc_api
from shodhana.identity.adapters.key_files import KeyFileSigner
from shodhana.stack.places import MODEL
from shodhana.stack.ports import free_port

SERVICE = "shodhana.api.embedding.v1.EmbeddingService"
START_S = 60
CALL_S = 60


@dataclass(frozen=True, slots=True)
class Replica:
    """One process of the service."""

    address: str
    process: subprocess.Popen[bytes]

    def health(self) -> int:
        """Its health; 0 while it does not answer."""
        with grpc.insecure_channel(self.address) as channel:
            try:
                request = health_pb2.HealthCheckRequest(service=SERVICE)
                return int(health_pb2_grpc.HealthStub(channel).Check(request, timeout=2).status)
            except grpc.RpcError:
                return 0

    def until_ready(self) -> Replica:
        ends_at = time.monotonic() + START_S
        while self.health() != health_pb2.HealthCheckResponse.SERVING:
            assert self.process.poll() is None, "the process ended"
            assert time.monotonic() < ends_at, "not ready in time"
            time.sleep(0.05)
        return self


class Replicas:
    """Starts replicas and ends them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._signer = KeyFileSigner(folder / "key.json", folder / "jwks.json")
        self._started: list[Replica] = []

    def start(self, **settings: str) -> Replica:
        replica_settings = {
            "LISTEN_ADDRESS": f"127.0.0.1:{free_port()}",
            "JWKS_PATH": str(self._folder / "jwks.json"),
            "SEMANTIC_MODEL_PATH": str(MODEL),
            "DRAIN_S": "0",
            "LOG_LEVEL": "WARNING",
            **settings,
        }
        process = subprocess.Popen([sys.executable, "-m", "shodhana.embedding"], env=os.environ | replica_settings)
        replica = Replica(replica_settings["LISTEN_ADDRESS"], process)
        self._started.append(replica)
        return replica

    def token(self, permissions: Sequence[str]) -> str:
        now = int(time.time())
        issued = {"iss": "https://identity.shodhana.local", "aud": "shodhana", "iat": now, "exp": now + 3600}
        return self._signer.sign({**issued, "sub": "users/test", "permissions": list(permissions)})

    def stop(self) -> None:
        for replica in self._started:
            replica.process.send_signal(signal.SIGCONT)
            replica.process.kill()
            replica.process.wait()


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls one replica with a token."""

    channel: grpc.aio.Channel
    token: str

    async def embed(self, *texts: str, model: str = "semantic", timeout: float = CALL_S, **options: Any) -> Any:
        return await self.call("Embed", pb.EmbedRequest(model=model, texts=texts, **options), timeout)

    async def call(self, method: str, request: Any, timeout: float = CALL_S) -> Any:
        return await self.method(method)(request, metadata=self._metadata, timeout=timeout)

    def stream(self, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        answers: AsyncIterator[Any] = self.method("EmbedStream")(requests, metadata=self._metadata, timeout=CALL_S)
        return answers

    def method(self, name: str) -> Any:
        return getattr(grpc_api.EmbeddingServiceStub(self.channel), name)

    @property
    def _metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()


def matrix(response: Any) -> NDArray[np.float32]:
    """The vectors of a response."""
    kind = "<f2" if response.encoding == pb.VECTOR_ENCODING_F16 else "<f4"
    return np.frombuffer(response.vectors, kind).reshape(response.count, response.dimensions).astype(np.float32)


@pytest.fixture(scope="session")
def replicas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    made = Replicas(tmp_path_factory.mktemp("embedding"))
    yield made
    made.stop()


@pytest.fixture(scope="session")
def replica(replicas: Replicas, redis_server: Any) -> Replica:
    """A replica with both models and the cache, for all tests that do it no harm."""
    return replicas.start(REDIS_URL=redis_server.url).until_ready()


Connect = Callable[..., Caller]


@pytest.fixture
async def connect(replicas: Replicas) -> AsyncIterator[Connect]:
    """Makes callers of a replica."""
    channels: list[grpc.aio.Channel] = []

    def make(replica: Replica, permissions: Sequence[str] = ("embeddings:read",)) -> Caller:
        channels.append(grpc.aio.insecure_channel(replica.address))
        return Caller(channels[-1], replicas.token(permissions))

    yield make
    for channel in channels:
        await channel.close()


@pytest.fixture
def caller(connect: Connect, replica: Replica) -> Caller:
    return connect(replica)
