"""The embedding service beside the engine called in a loop: one replica, one inference thread, the same texts.

    .venv/bin/python tests/load/bench_embedding.py [--json FILE] [--seconds 4]

Runs engine and service in turn (A B A B) and prints ratios: the machine's own speed does not matter.
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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
from shodhana.api.embedding.v1 import embedding_pb2 as pb
from shodhana.api.embedding.v1 import embedding_pb2_grpc as grpc_api
from shodhana.embedding.adapters.openvino_engine import OpenVinoEngine
from shodhana.identity.adapters.key_files import KeyFileSigner
from shodhana.stack.places import GLOSSARY, MODEL, PROJECT
from shodhana.stack.ports import free_port

CALLERS = 64
BATCH = 64
ROUNDS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--seconds", type=float, default=4, help="length of each run")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, serving(Path(name)) as (port, token, pid):
        figures = asyncio.run(measure(port, token, arguments.seconds))
        figures["resident_mb"] = resident_mb(pid)
    print_table(figures)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2))


async def measure(port: int, token: str, seconds: float) -> dict[str, float]:
    engine = OpenVinoEngine(MODEL)
    metadata = (("authorization", f"Bearer {token}"),)
    figures: dict[str, float] = {}
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = grpc_api.EmbeddingServiceStub(channel)
        await stub.ListModels(pb.ListModelsRequest(), metadata=metadata, wait_for_ready=True, timeout=60)
        for kind, texts in {"terms": terms(), "segments": segments()}.items():
            alone, served, latencies = [], [], []
            for _ in range(ROUNDS):
                alone.append(engine_rate(engine, texts, seconds))
                rate, times = await service_rate(stub, metadata, texts, 1, CALLERS, seconds)
                served.append(rate)
                latencies += times
            figures[f"{kind}_engine_per_s"] = statistics.mean(alone)
            figures[f"{kind}_64_callers_per_s"] = statistics.mean(served)
            figures[f"{kind}_64_callers_p99_ms"] = 1000 * statistics.quantiles(latencies, n=100)[98]
        rate, _ = await service_rate(stub, metadata, terms(), BATCH, 2, seconds)
        figures["terms_64_in_a_call_per_s"] = rate
        _, times = await service_rate(stub, metadata, terms(), 1, 1, seconds)
        figures["lone_caller_p50_ms"] = 1000 * statistics.median(times)
        rate, _ = await service_rate(stub, metadata, terms()[:200], 1, CALLERS, seconds, pb.CACHE_POLICY_USE)
        figures["cached_calls_per_s"] = rate
    return figures


def engine_rate(engine: OpenVinoEngine, texts: list[str], seconds: float) -> float:
    """Texts a second in batches of 64, sorted by length as the service sorts them."""
    done, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        ids = sorted(engine.tokenize(random.sample(texts, 256)), key=len)
        for start in range(0, 256, BATCH):
            engine.encode(ids[start : start + BATCH])
        done += 256
    return done / (time.perf_counter() - began)


async def service_rate(
    stub: grpc_api.EmbeddingServiceStub,
    metadata: tuple[tuple[str, str], ...],
    texts: list[str],
    batch: int,
    callers: int,
    seconds: float,
    cache: int = pb.CACHE_POLICY_BYPASS,
) -> tuple[float, list[float]]:
    """Texts a second, and the time of each call."""
    times: list[float] = []
    ends_at = time.perf_counter() + seconds

    async def caller() -> None:
        while time.perf_counter() < ends_at:
            request = pb.EmbedRequest(model="semantic", texts=random.sample(texts, batch))
            request.cache = cache  # type: ignore[assignment]
            began = time.perf_counter()
            await stub.Embed(request, metadata=metadata, timeout=60)
            times.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return len(times) * batch / (time.perf_counter() - began), times


def terms() -> list[str]:
    """The glossary's terms."""
    files = sorted(GLOSSARY.glob("*.tsv"))
    return [line.split("\t")[0] for path in files for line in path.read_text().splitlines()[1:] if line]


def segments() -> list[str]:
    """Lines of the sample lecture, joined two by two: as long as subtitles are."""
    lines = (PROJECT / "samples" / "gita_chapter_two_talk.srt").read_text().splitlines()
    spoken = [line for line in lines if line and "-->" not in line and not line.isdigit()]
    return [f"{a} {b}" for a, b in itertools.pairwise(spoken)] * 3


@contextmanager
def serving(folder: Path) -> Iterator[tuple[int, str, int]]:
    """A replica of the service and a token it takes."""
    signer = KeyFileSigner(folder / "key.json", folder / "jwks.json")
    now = int(time.time())
    claims = {
        "iss": "https://identity.shodhana.local",
        "aud": "shodhana",
        "sub": "bench",
        "iat": now,
        "exp": now + 3600,
    }
    token = signer.sign({**claims, "permissions": ["embeddings:read"]})
    port = free_port()
    environment = os.environ | {
        "LISTEN_ADDRESS": f"127.0.0.1:{port}",
        "JWKS_PATH": str(folder / "jwks.json"),
        "SEMANTIC_MODEL_PATH": str(MODEL),
        "LOG_LEVEL": "WARNING",
    }
    process = subprocess.Popen([sys.executable, "-m", "shodhana.embedding"], env=environment)
    try:
        time.sleep(4)  # loading and warming; the first call waits for the rest
        yield port, token, process.pid
    finally:
        process.terminate()
        process.wait(30)


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def print_table(figures: dict[str, float]) -> None:
    for kind in ("terms", "segments"):
        alone, served = figures[f"{kind}_engine_per_s"], figures[f"{kind}_64_callers_per_s"]
        p99 = figures[f"{kind}_64_callers_p99_ms"]
        print(f"{kind:<10} engine {alone:7,.0f}/s", end="")
        print(f"   64 callers {served:7,.0f}/s = {served / alone:.2f} × engine, p99 {p99:.0f} ms")
    together, alone = figures["terms_64_in_a_call_per_s"], figures["terms_engine_per_s"]
    print(f"64 terms in a call {together:,.0f}/s = {together / alone:.2f} × engine")
    print(f"a lone caller's term p50 {figures['lone_caller_p50_ms']:.1f} ms")
    print(f"cached {figures['cached_calls_per_s']:,.0f} calls/s; resident {figures['resident_mb']:.0f} MB")


if __name__ == "__main__":
    main()
