"""What the gateway costs: REST and gRPC through Envoy beside gRPC straight to the replica, and beside FastAPI.

    python tests/load/bench_gateway.py [--seconds 1] [--concurrency 16] [--rounds 8] [--peer-python PATH]

A read that does almost nothing is called, so that the figures are those of the way and not of the service. The
gateway does all that it does elsewhere: TLS, tokens, permissions, rate limits, the access log, traces of one call in a
hundred. FastAPI does none of it, over plain HTTP. REST is called by a bare HTTP/1.1 client: a comfortable one costs
more than the gateway. The ways are measured in turn, round after round; the medians of the rounds are shown. Processor
time is that of the servers, by call, in the cheapest round: whatever else the machine does only adds to it.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import importlib.util
import json
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import grpc
import psutil
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from shodhana.api.embedding.v1 import embedding_pb2, embedding_pb2_grpc
from shodhana.stack.gateway_config import RateLimits
from shodhana.stack.ports import free_port

HERE = Path(__file__).parent
FIXTURES = HERE.parent / "integration" / "gateway" / "conftest.py"
LIMITS = RateLimits(total_per_s=1_000_000, subject_per_s=1_000_000)
GOAL = 2.5
"""Most that REST through the gateway may cost, in FastAPIs."""
ROW = "{:<28}{:>9}{:>9}{:>9}{:>14}{:>17}{:>17}"
SHOWN = ("calls_per_s", "p50_ms", "p99_ms", "alone_p50_ms")
HEAD = ("way", "calls/s", "p50 ms", "p99 ms", "alone p50 ms", "gateway µs/call", "service µs/call")
Call = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to the service: how it is called, and the processes that work for it."""

    name: str
    call: Call
    gateway: tuple[int, ...]
    service: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Round:
    """One measurement of a way."""

    calls_per_s: float
    p50_ms: float
    p99_ms: float
    alone_p50_ms: float
    gateway_us: float
    service_us: float


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Takes the gateway's spans and forgets them."""

    def Export(self, request: Any, context: Any) -> trace_service_pb2.ExportTraceServiceResponse:
        return trace_service_pb2.ExportTraceServiceResponse()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--peer-python", default=sys.executable, help="an interpreter that has FastAPI and uvicorn")
    arguments = parser.parse_args()
    fixtures = load(FIXTURES)
    with (
        tempfile.TemporaryDirectory() as name,
        collector() as otlp,
        fastapi(arguments.peer_python) as (peer, peer_port),
    ):
        folder = Path(name)
        fixtures.Certificates(folder).write()
        (folder / "chain.crt").write_bytes((folder / "gateway.crt").read_bytes() + (folder / "ca.crt").read_bytes())
        settings = {"rate_limits": LIMITS, "otlp": otlp, "sampling_percent": 1.0}
        with fixtures.running_gateway(folder, folder, **settings) as gateway:
            asyncio.run(compare(gateway, peer, peer_port, arguments))
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


@contextmanager
def collector() -> Iterator[str]:
    """A collector of traces; its address."""
    server = grpc.server(ThreadPoolExecutor(1))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Collector(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


@contextmanager
def fastapi(python: str) -> Iterator[tuple[int, int]]:
    """FastAPI under uvicorn; its process and port."""
    port = free_port()
    options = [
        "--app-dir",
        str(HERE),
        "--port",
        str(port),
        "--no-access-log",
        "--log-level",
        "error",
        "--timeout-keep-alive",
        "600",
    ]
    process = subprocess.Popen([python, "-m", "uvicorn", "fastapi_peer:app", *options])
    ends_at = time.monotonic() + 30
    while free_port(port) == port:
        assert process.poll() is None and time.monotonic() < ends_at, "FastAPI does not start"  # noqa: PT018
        time.sleep(0.05)
    try:
        yield process.pid, port
    finally:
        process.terminate()
        process.wait(10)


async def compare(gateway: Any, peer: int, peer_port: int, arguments: argparse.Namespace) -> None:
    metadata = gateway.metadata()
    request = embedding_pb2.ListModelsRequest()
    envoy, replicas = (gateway.process.pid,), tuple(replica.process.pid for replica in gateway.replicas)
    direct = grpc.aio.insecure_channel(gateway.replicas[0].address)
    host, _, port = gateway.parameters.listen.rpartition(":")
    trust = ssl.create_default_context(cafile=str(gateway.parameters.certificate))
    rest = RestConnections(host, int(port), trust, metadata[0][1])
    plain = RestConnections("127.0.0.1", peer_port, None, "")
    async with direct, gateway.channel() as channel:
        straight = embedding_pb2_grpc.EmbeddingServiceStub(direct)
        through = embedding_pb2_grpc.EmbeddingServiceStub(channel)
        ways = (
            Way("gRPC, one replica, direct", lambda: straight.ListModels(request, metadata=metadata), (), replicas),
            Way("gRPC, gateway", lambda: through.ListModels(request, metadata=metadata), envoy, replicas),
            Way("REST, gateway", rest.call, envoy, replicas),
            Way("REST, FastAPI alone", plain.call, (), (peer,)),
        )
        for way in ways:
            await times_of(way.call, 0.5, arguments.concurrency)  # warm
        rounds: dict[str, list[Round]] = {way.name: [] for way in ways}
        for _ in range(arguments.rounds):
            for way in ways:
                rounds[way.name].append(await measure(way, arguments.seconds, arguments.concurrency))
    show(rounds)


def show(rounds: dict[str, list[Round]]) -> None:
    print(ROW.format(*HEAD))
    costs = {}
    for name, found in rounds.items():
        rate, *latencies = (statistics.median(getattr(one, field) for one in found) for field in SHOWN)
        cheapest = min(found, key=lambda one: one.gateway_us + one.service_us)
        costs[name] = cheapest.gateway_us + cheapest.service_us
        times = (*(f"{ms:.2f}" for ms in latencies), f"{cheapest.gateway_us:.0f}", f"{cheapest.service_us:.0f}")
        print(ROW.format(name, f"{rate:.0f}", *times))
    ratio = costs["REST, gateway"] / costs["REST, FastAPI alone"]
    print(f"REST through the gateway costs {ratio:.2f} times FastAPI alone in processor time (goal: at most {GOAL})")


class RestConnections:
    """Kept-alive connections, each with one call at a time."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None, authorization: str) -> None:
        self._host = host
        self._port = port
        self._context = context
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


async def measure(way: Way, seconds: float, concurrency: int) -> Round:
    alone = await times_of(way.call, min(seconds, 0.5), 1)
    before = processor_s(way.gateway), processor_s(way.service)
    together = await times_of(way.call, seconds, concurrency)
    gateway_s, service_s = processor_s(way.gateway) - before[0], processor_s(way.service) - before[1]
    calls = len(together)
    return Round(
        calls / seconds,
        p(together, 50),
        p(together, 99),
        p(alone, 50),
        gateway_s / calls * 1e6,
        service_s / calls * 1e6,
    )


def processor_s(pids: Sequence[int]) -> float:
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids)


async def times_of(call: Call, seconds: float, concurrency: int) -> list[float]:
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
