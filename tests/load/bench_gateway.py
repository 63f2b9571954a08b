"""What the gateway costs: REST and gRPC through Envoy beside gRPC straight to the replica, in one run.

    python tests/load/bench_gateway.py [--seconds 5] [--concurrency 16]

A read that does almost nothing is called, so that the figures are those of the way and not of the service. REST is
called by a bare HTTP/1.1 client: a comfortable one costs more than the gateway. Then large bodies over REST.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import importlib.util
import json
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import grpc
from shodhana.api.embedding.v1 import embedding_pb2, embedding_pb2_grpc
from shodhana.stack.gateway_config import RateLimits

FIXTURES = Path(__file__).parents[1] / "integration" / "gateway" / "conftest.py"
LIMITS = RateLimits(total_per_s=1_000_000, subject_per_s=1_000_000)
Call = Callable[[], Awaitable[object]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--concurrency", type=int, default=16)
    arguments = parser.parse_args()
    fixtures = load(FIXTURES)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fixtures.Certificates(folder).write()
        (folder / "chain.crt").write_bytes((folder / "gateway.crt").read_bytes() + (folder / "ca.crt").read_bytes())
        with fixtures.running_gateway(folder, folder, rate_limits=LIMITS) as gateway:
            asyncio.run(compare(gateway, arguments.seconds, arguments.concurrency))
            large_body(gateway)


def load(path: Path) -> ModuleType:
    """The fixtures of the gateway's tests, which start Envoy and replicas."""
    specification = importlib.util.spec_from_file_location("gateway_fixtures", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


async def compare(gateway: Any, seconds: float, concurrency: int) -> None:
    metadata = gateway.metadata()
    request = embedding_pb2.ListModelsRequest()
    print(f"{'way':<28}{'calls/s':>9}{'p50 ms':>9}{'p99 ms':>9}   one at a time: p50 ms")
    direct = grpc.aio.insecure_channel(gateway.replicas[0].address)
    connections = RestConnections(gateway, metadata[0][1])
    async with direct, gateway.channel() as channel:
        straight = embedding_pb2_grpc.EmbeddingServiceStub(direct)
        through = embedding_pb2_grpc.EmbeddingServiceStub(channel)
        ways: dict[str, Call] = {
            "gRPC, one replica, direct": lambda: straight.ListModels(request, metadata=metadata),
            "gRPC through the gateway": lambda: through.ListModels(request, metadata=metadata),
            "REST through the gateway": connections.call,
        }
        for name, call in ways.items():
            await measure(call, 0.5, concurrency)  # warm
            alone = await measure(call, min(seconds, 2), 1)
            together = await measure(call, seconds, concurrency)
            rate = len(together) / seconds
            print(f"{name:<28}{rate:>9.0f}{p(together, 50):>9.2f}{p(together, 99):>9.2f}{p(alone, 50):>12.2f}")


class RestConnections:
    """Kept-alive connections, each with one call at a time."""

    def __init__(self, gateway: Any, authorization: str) -> None:
        self._host, _, port = gateway.parameters.listen.rpartition(":")
        self._port = int(port)
        self._context = ssl.create_default_context(cafile=str(gateway.parameters.certificate))
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._request = (
            f"GET /v1/embeddings/models HTTP/1.1\r\nhost: localhost\r\nauthorization: {authorization}\r\n\r\n"
        ).encode()

    async def call(self) -> None:
        if self._idle:
            reader, writer = self._idle.pop()
        else:
            reader, writer = await asyncio.open_connection(self._host, self._port, ssl=self._context)
        writer.write(self._request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))
        self._idle.append((reader, writer))


async def measure(call: Call, seconds: float, concurrency: int) -> list[float]:
    """Times of the calls in ms."""
    times: list[float] = []
    ends_at = time.perf_counter() + seconds

    async def caller() -> None:
        while (began := time.perf_counter()) < ends_at:
            await call()
            times.append((time.perf_counter() - began) * 1000)

    await asyncio.gather(*(caller() for _ in range(concurrency)))
    return times


def p(times: list[float], percent: int) -> float:
    return statistics.quantiles(times, n=100)[percent - 1]


def large_body(gateway: Any) -> None:
    content = base64.b64encode(b"a" * 20_000_000).decode()
    body = json.dumps({"files": [{"filename": "a.srt", "content": content}]})
    texts = json.dumps({"model": "m", "texts": ["a word or two of a lecture"] * 512})
    with gateway.client() as client:
        for name, path, payload in (
            ("20 MB file in a JSON body", "/v1/jobs", body),
            ("512 texts in a JSON body", "/v1/embeddings:embed", texts),
        ):
            times = []
            for _ in range(7):
                began = time.perf_counter()
                client.post(path, content=payload).raise_for_status()
                times.append((time.perf_counter() - began) * 1000)
            print(f"{name:<28}{len(payload) / 1e6:>8.2f} MB {statistics.median(times):>9.1f} ms")


if __name__ == "__main__":
    main()
