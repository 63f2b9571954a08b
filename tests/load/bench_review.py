"""Claims and decisions a second through gRPC, beside Label Studio's next and submit.

    .venv/bin/python tests/load/bench_review.py [--json FILE] [--reviewers 32] [--seconds 10] [--replicas 2] [--no-peer]

Starts a Postgres that syncs to disk, with 100,000 waiting cases, and replicas of the review service of its own. The
reviewers run in processes apart from the service's; each call carries a signed token. A cycle is one case claimed and
decided: by two calls, by decisions that claim the next case (as the dashboard and the tool do), or by claims of five.
Processor time a cycle tells what a faster machine would do: this one shares its processors with the load.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import label_studio_peer as label_studio
from review_service import Service, started
from shodhana.api.review.v1 import review_pb2 as pb
from shodhana.api.review.v1 import review_pb2_grpc as grpc_api

GOAL_PER_S, GOAL_P99_MS = 1000, 100
CASES = 100_000
LOAD_PROCESSES = 2
WARM_UP_S = 1.0
CLAIMED_AT_ONCE = {"claim, then decide": 1, "decide and claim the next": 0, "claim five, decide each": 5}
Share = tuple[list[str], list[str], float, int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--reviewers", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=10.0, help="after a second to warm up")
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--no-peer", action="store_true", help="leave Label Studio out")
    arguments = parser.parse_args()
    print(f"{arguments.reviewers} reviewers, {arguments.replicas} replicas, {os.cpu_count()} processors")
    print("                           cycles/s   p50 ms   p99 ms  twice  lost   processor ms a cycle")
    figures = measure(arguments.reviewers, arguments.seconds, arguments.replicas)
    if not arguments.no_peer:
        figures["Label Studio"] = peer(arguments.reviewers, arguments.seconds)
    print(f"goal: {GOAL_PER_S:,} cycles a second, p99 {GOAL_P99_MS} ms, none twice, none lost")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2))


def peer(reviewers: int, seconds: float) -> dict[str, Any]:
    try:
        found = label_studio.measure(reviewers, seconds)
    except label_studio.PeerMissing as missing:
        print(f"Label Studio is left out, it cannot be installed here: {missing}")
        return {}
    name = f"Label Studio {label_studio.VERSION}"
    print(
        f"{name:<26} {found['per_second']:>8,.1f} {found['p50_ms']:>8.0f} {found['p99_ms']:>8.0f} {found['double']:>6}"
    )
    return found


def measure(reviewers: int, seconds: float, replicas: int) -> dict[str, Any]:
    found = {}
    with tempfile.TemporaryDirectory(prefix="shodhana-bench-") as name, ExitStack() as stack:
        service = stack.enter_context(started(Path(name), CASES, replicas, reviewers))
        for way, at_once in CLAIMED_AT_ONCE.items():
            figures = found[way] = _measure(service, seconds, at_once)
            parts = ", ".join(f"{part} {cost:.2f}" for part, cost in figures["processor_ms"].items())
            print(
                f"{way:<26} {figures['per_second']:>8,.0f} {figures['p50_ms']:>8.1f} {figures['p99_ms']:>8.1f} "
                f"{figures['double']:>6} {figures['lost']:>5}   {parts}",
                flush=True,
            )
    return found


def _measure(service: Service, seconds: float, at_once: int) -> dict[str, Any]:
    shares = [
        (service.targets, service.tokens[part::LOAD_PROCESSES], seconds, at_once) for part in range(LOAD_PROCESSES)
    ]
    before, used = service.decided(), service.processor_s()
    with multiprocessing.get_context("spawn").Pool(LOAD_PROCESSES) as pool:
        results = pool.map(review_all, shares, chunksize=1)
    cost = {part: total - used[part] for part, total in service.processor_s().items()}
    cost["load"] = sum(load_s for _, _, load_s in results)
    cycles_s = sorted(cycle_s for cycles, _, _ in results for cycle_s in cycles)
    answered = sum(count for _, count, _ in results)
    stored, distinct = service.decided()
    return {
        "per_second": round(len(cycles_s) / seconds, 1),
        "p50_ms": round(1000 * statistics.median(cycles_s), 2),
        "p99_ms": round(1000 * cycles_s[int(0.99 * len(cycles_s))], 2),
        "double": stored - distinct,
        "lost": answered - (stored - before[0]),
        "processor_ms": {part: round(1000 * total / answered, 3) for part, total in cost.items()},
    }


def review_all(share: Share) -> tuple[list[float], int, float]:
    """Runs a share of the reviewers: seconds of each measured cycle, decisions answered, processor seconds used."""
    used_s = time.process_time()
    cycles, count = asyncio.run(_review_all(*share))
    return cycles, count, time.process_time() - used_s


async def _review_all(targets: list[str], tokens: list[str], seconds: float, at_once: int) -> tuple[list[float], int]:
    channels = [grpc.aio.insecure_channel(target) for target in targets]
    begins_at = time.monotonic() + WARM_UP_S
    stubs = [grpc_api.ReviewServiceStub(channels[i % len(channels)]) for i in range(len(tokens))]
    work = [
        _review(stub, token, at_once, begins_at, begins_at + seconds) for stub, token in zip(stubs, tokens, strict=True)
    ]
    parts = await asyncio.gather(*work)
    for channel in channels:
        await channel.close()
    return [cycle_s for cycles, _ in parts for cycle_s in cycles], sum(count for _, count in parts)


async def _review(stub: Any, token: str, at_once: int, begins_at: float, ends_at: float) -> tuple[list[float], int]:
    cycles, count = [], 0
    began = time.monotonic()
    async for _ in _decisions(stub, (("authorization", f"Bearer {token}"),), at_once):
        count += 1
        now = time.monotonic()
        if began >= begins_at:
            cycles.append(now - began)
        if now >= ends_at:
            break
        began = now
    return cycles, count


async def _decisions(stub: Any, metadata: Any, at_once: int) -> AsyncIterator[None]:
    """Decides for ever; 0 at once: each decision claims the next."""
    held = await _claim(stub, metadata, at_once or 1)
    while True:
        for claimed in held:
            answer = await stub.DecideCase(_decision(claimed, claims_next=not at_once), metadata=metadata, timeout=30)
            yield
        held = list(answer.next_cases) or await _claim(stub, metadata, at_once)


async def _claim(stub: Any, metadata: Any, count: int) -> list[pb.ClaimedCase]:
    request = pb.ClaimCasesRequest(count=count, request_id=str(uuid.uuid4()))
    answer = await stub.ClaimCases(request, metadata=metadata, timeout=30)
    return list(answer.cases)


def _decision(claimed: pb.ClaimedCase, claims_next: bool) -> pb.DecideCaseRequest:
    following = pb.ClaimCasesRequest(count=1, request_id=str(uuid.uuid4())) if claims_next else None
    return pb.DecideCaseRequest(
        name=claimed.review_case.name,
        fencing_token=claimed.lease.fencing_token,
        verdict=pb.VERDICT_CORRECT,
        decided_text="bhakti",
        request_id=str(uuid.uuid4()),
        claim_next=following,
    )


if __name__ == "__main__":
    main()
