"""The embedding service beside the engine called in a loop: one replica, one inference thread, the same texts.

    .venv/bin/python tests/load/bench_embedding.py [--json FILE] [--seconds 1.5] [--rounds 5]

Peer and service run in turn (A B A B), and the ratios count: the machine's own speed does not matter. What comes from
the cache is compared with a bare gRPC server that sends the same bytes. CPU is that of the server.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import psutil
from shodhana.api.embedding.v1 import embedding_pb2 as pb
from shodhana.api.embedding.v1 import embedding_pb2_grpc as grpc_api
from shodhana.embedding.adapters.openvino_engine import OpenVinoEngine
from shodhana.identity.adapters.key_files import KeyFileSigner
from shodhana.stack.places import GLOSSARY, MODEL, PROJECT
from shodhana.stack.ports import free_port

CALLERS = 64
BATCH = 64
VECTOR_BYTES = 4 * 384
START_S = 60
MEMORY_GOAL_MB = 600
BYPASS, USE = pb.CACHE_POLICY_BYPASS, pb.CACHE_POLICY_USE


@dataclass(slots=True)
class Measured:
    """What was measured of one side in one run."""

    texts: int = 0
    elapsed_s: float = 0.0
    cpu_s: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        return {
            "texts_per_s": self.texts / self.elapsed_s,
            "cpu_ms_a_text": 1000 * self.cpu_s / self.texts,
            "p50_ms": float(np.percentile(self.latencies_ms, 50)),
            "p99_ms": float(np.percentile(self.latencies_ms, 99)),
        }


Run = Callable[[float], Awaitable[Measured]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ours beside a peer: the median over the rounds of the ratio of texts a second, or of p50 for one caller."""

    path: str
    peer: str
    goal: float
    run_peer: Run
    run_ours: Run
    by: str = "texts_per_s"

    async def result(self, seconds: float, rounds: int) -> dict[str, Any]:
        await self.run_ours(seconds)  # warm
        theirs, ours = [], []
        for _ in range(rounds):
            theirs.append((await self.run_peer(seconds)).figures())
            ours.append((await self.run_ours(seconds)).figures())
        ratios = [self._ratio(a, b) for a, b in zip(theirs, ours, strict=True)]
        return {
            **{"path": self.path, "peer": self.peer, "goal": self.goal, "ratio": statistics.median(ratios)},
            **{"theirs": medians(theirs), "ours": medians(ours)},
        }

    def _ratio(self, theirs: dict[str, float], ours: dict[str, float]) -> float:
        return ours[self.by] / theirs[self.by] if self.by == "texts_per_s" else theirs[self.by] / ours[self.by]


def medians(rounds: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(figures[name] for figures in rounds) for name in rounds[0]}


@dataclass(frozen=True, slots=True)
class Served:
    """A server, and a stub for it."""

    stub: grpc_api.EmbeddingServiceStub
    metadata: tuple[tuple[str, str], ...]
    process: psutil.Process

    def run(self, texts: Sequence[str], batch: int, callers: int, cache: Any = BYPASS) -> Run:
        async def run(seconds: float) -> Measured:
            measured, ends_at = Measured(), time.perf_counter() + seconds

            async def call_on() -> None:
                while (began := time.perf_counter()) < ends_at:
                    request = pb.EmbedRequest(model="semantic", texts=random.sample(texts, batch), cache=cache)
                    await self.stub.Embed(request, metadata=self.metadata, timeout=60)
                    measured.latencies_ms.append(1000 * (time.perf_counter() - began))
                    measured.texts += batch

            began, began_cpu = time.perf_counter(), self._cpu_s()
            await asyncio.gather(*(call_on() for _ in range(callers)))
            measured.elapsed_s, measured.cpu_s = time.perf_counter() - began, self._cpu_s() - began_cpu
            return measured

        return run

    def _cpu_s(self) -> float:
        return float(sum(self.process.cpu_times()[:2]))


def engine_run(engine: OpenVinoEngine, texts: Sequence[str], batch: int) -> Run:
    """The engine alone, in batches sorted by length as the service sorts them."""

    async def run(seconds: float) -> Measured:
        measured, began, began_cpu = Measured(), time.perf_counter(), time.process_time()
        while time.perf_counter() - began < seconds:
            ids = sorted(engine.tokenize(random.sample(texts, 4 * batch)), key=len)
            for start in range(0, len(ids), batch):
                began_batch = time.perf_counter()
                engine.encode(ids[start : start + batch])
                measured.latencies_ms.append(1000 * (time.perf_counter() - began_batch))
            measured.texts += len(ids)
        measured.elapsed_s, measured.cpu_s = time.perf_counter() - began, time.process_time() - began_cpu
        return measured

    return run


def comparisons(engine: OpenVinoEngine, ours: Served, bare: Served) -> list[Comparison]:
    words, lines = terms(), segments()
    few = random.sample(words, 200)
    at_once, echo = "engine, 64 at once", "bare gRPC server"
    together = engine_run(engine, words, BATCH)
    return [
        Comparison(f"terms, {CALLERS} callers", at_once, 0.75, together, ours.run(words, 1, CALLERS)),
        Comparison(
            *(f"subtitle segments, {CALLERS} callers", at_once, 0.9),
            *(engine_run(engine, lines, BATCH), ours.run(lines, 1, CALLERS)),
        ),
        Comparison("64 terms a call, 2 callers", at_once, 0.95, together, ours.run(words, BATCH, 2)),
        Comparison(
            *("a term, one caller (p50)", "engine, one by one", 0.88),
            *(engine_run(engine, words, 1), ours.run(words, 1, 1), "p50_ms"),
        ),
        Comparison(
            *(f"cached terms, {CALLERS} callers", echo, 0.57),
            *(bare.run(few, 1, CALLERS, USE), ours.run(few, 1, CALLERS, USE)),
        ),
        Comparison(
            *("64 cached terms a call, 8 callers", echo, 0.5),
            *(bare.run(few, BATCH, 8, USE), ours.run(few, BATCH, 8, USE)),
        ),
    ]


async def measure(folder: Path, seconds: float, rounds: int) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        ours = await stack.enter_async_context(served(*service_command(folder)))
        bare = await stack.enter_async_context(served([sys.executable, __file__, "--bare"], {}, ""))
        engine = OpenVinoEngine(MODEL)
        results = [await one.result(seconds, rounds) for one in comparisons(engine, ours, bare)]
        return {"paths": results, "resident_mb": ours.process.memory_info().rss / 2**20}


def service_command(folder: Path) -> tuple[list[str], dict[str, str], str]:
    """Command, environment and token of a replica of the service."""
    signer = KeyFileSigner(folder / "key.json", folder / "jwks.json")
    now = int(time.time())
    issued = {"iss": "https://identity.shodhana.local", "aud": "shodhana", "iat": now, "exp": now + 3600}
    environment = {"JWKS_PATH": str(folder / "jwks.json"), "SEMANTIC_MODEL_PATH": str(MODEL), "LOG_LEVEL": "WARNING"}
    token = signer.sign({**issued, "sub": "bench", "permissions": ["embeddings:read"]})
    return [sys.executable, "-m", "shodhana.embedding"], environment, token


@asynccontextmanager
async def served(command: list[str], environment: dict[str, str], token: str) -> AsyncIterator[Served]:
    """A server that is started here, as soon as it embeds."""
    address = f"127.0.0.1:{free_port()}"
    with running(command, environment | {"LISTEN_ADDRESS": address}) as process:
        async with grpc.aio.insecure_channel(address) as channel:
            metadata = (("authorization", f"Bearer {token}"),) if token else ()
            server = Served(grpc_api.EmbeddingServiceStub(channel), metadata, psutil.Process(process.pid))
            await until_embeds(server)
            yield server


async def until_embeds(server: Served) -> None:
    request = pb.EmbedRequest(model="semantic", texts=["ready?"])
    ends_at = time.monotonic() + START_S
    while True:
        try:
            await server.stub.Embed(request, metadata=server.metadata, timeout=START_S, wait_for_ready=True)
            return
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE or time.monotonic() > ends_at:
                raise
            await asyncio.sleep(0.05)


@contextmanager
def running(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, env=os.environ | {"GRPC_ENABLE_FORK_SUPPORT": "0"} | environment)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


class BareServicer(grpc_api.EmbeddingServiceServicer):
    """Sends as many bytes as the service, and does nothing else."""

    async def Embed(self, request: pb.EmbedRequest, context: Any) -> pb.EmbedResponse:
        return pb.EmbedResponse(vectors=bytes(VECTOR_BYTES * len(request.texts)), count=len(request.texts))


async def serve_bare(address: str) -> None:
    server = grpc.aio.server()
    grpc_api.add_EmbeddingServiceServicer_to_server(BareServicer(), server)
    server.add_insecure_port(address)
    await server.start()
    await server.wait_for_termination()


def terms() -> list[str]:
    """The glossary's terms."""
    files = sorted(GLOSSARY.glob("*.tsv"))
    return [line.split("\t")[0] for path in files for line in path.read_text().splitlines()[1:] if line]


def segments() -> list[str]:
    """Lines of the sample lecture, joined two by two: as long as subtitles are."""
    lines = (PROJECT / "samples" / "gita_chapter_two_talk.srt").read_text().splitlines()
    spoken = [line for line in lines if line and "-->" not in line and not line.isdigit()]
    return [f"{a} {b}" for a, b in itertools.pairwise(spoken)] * 3


def print_table(result: dict[str, Any]) -> None:
    columns = "texts/s", "p50 ms", "p99 ms", "CPU ms"
    sides = "".join(f"{name:>10}" for name in columns)
    print(f"{'':34} {'':18} {'peer':>20}{'':20} {'service':>21}")
    print(f"{'path':34} {'peer':18}{sides} {sides} {'ratio':>7} {'goal':>6}")
    for row in result["paths"]:
        figures = " ".join(
            f"{side['texts_per_s']:10,.0f}{side['p50_ms']:10.1f}{side['p99_ms']:10.1f}{side['cpu_ms_a_text']:10.3f}"
            for side in (row["theirs"], row["ours"])
        )
        verdict = "" if row["ratio"] >= row["goal"] else "  missed"
        print(f"{row['path']:34} {row['peer']:18}{figures} {row['ratio']:7.2f} {row['goal']:6.2f}{verdict}")
    print(f"the replica holds {result['resident_mb']:.0f} MB (goal {MEMORY_GOAL_MB}); CPU is of the server, a text")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--seconds", type=float, default=1.5, help="length of each run")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each side")
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.bare:
        asyncio.run(serve_bare(os.environ["LISTEN_ADDRESS"]))
        return
    with tempfile.TemporaryDirectory() as name:
        result = asyncio.run(measure(Path(name), arguments.seconds, arguments.rounds))
    print_table(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
