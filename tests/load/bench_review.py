"""Claims and decisions a second through gRPC: 32 reviewers, each claims a case and decides it, again and again.

    .venv/bin/python tests/load/bench_review.py [--json FILE] [--reviewers 32] [--seconds 10] [--replicas 2]

Starts a Postgres that syncs to disk and replicas of the review service of its own. The reviewers run in processes
apart from the service's; each call carries a signed token. p99 is that of one claim with its decision.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from shodhana.api.review.v1 import review_pb2 as pb
from shodhana.api.review.v1 import review_pb2_grpc as grpc_api
from shodhana.identity.adapters.key_files import KeyFileSigner
from shodhana.identity.domain.roles import permissions_of
from shodhana.review.settings import ReviewSettings
from shodhana.stack.migrations import SCHEMAS, migrate, role_of, set_passwords
from shodhana.stack.ports import free_port
from shodhana.stack.postgres import EmbeddedPostgres

GOAL_PER_S, GOAL_P99_MS = 1000, 100
CASES = 100_000
LOAD_PROCESSES = 2
START_S = 60
PASSWORD = "only-for-this-run"
DOMAINS = ["spiritual", "philosophical", "scriptural", "general"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--reviewers", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=10.0, help="after a second to warm up")
    parser.add_argument("--replicas", type=int, default=2)
    arguments = parser.parse_args()
    figures = measure(arguments.reviewers, arguments.seconds, arguments.replicas)
    print(f"{figures['reviewers']} reviewers, {figures['replicas']} replicas, {figures['processors']} processors")
    print(f"  claims with decision {figures['per_second']:>8,.0f} a second (goal {GOAL_PER_S:,})")
    print(f"  median               {figures['p50_ms']:>8.1f} ms")
    print(f"  p99                  {figures['p99_ms']:>8.1f} ms (goal {GOAL_P99_MS})")
    print(f"  decided twice        {figures['double']:>8}")
    print(f"  lost                 {figures['lost']:>8}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2))


def measure(reviewers: int, seconds: float, replicas: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="shodhana-bench-") as name, ExitStack() as stack:
        directory = Path(name)
        directory.chmod(0o755)  # Postgres may run as another user
        postgres = stack.enter_context(database(directory))
        signer = KeyFileSigner(directory / "key.json", directory / "jwks.json")
        targets = [stack.enter_context(replica(postgres, directory)) for _ in range(replicas)]
        tokens = [signer.sign(claims(f"users/{number}")) for number in range(reviewers)]
        shares = [(targets, tokens[part::LOAD_PROCESSES], seconds) for part in range(LOAD_PROCESSES)]
        with multiprocessing.get_context("spawn").Pool(LOAD_PROCESSES) as pool:
            results = pool.map(review_all, shares, chunksize=1)
        cycles_s = sorted(cycle_s for part, _ in results for cycle_s in part)
        answered = sum(count for _, count in results)
        stored, distinct = asyncio.run(decided(postgres.url))
        return {
            "reviewers": reviewers,
            "replicas": replicas,
            "processors": os.cpu_count(),
            "per_second": round(len(cycles_s) / seconds, 1),
            "p50_ms": round(1000 * statistics.median(cycles_s), 2),
            "p99_ms": round(1000 * cycles_s[int(0.99 * len(cycles_s))], 2),
            "double": stored - distinct,
            "lost": answered - stored,
        }


def review_all(share: tuple[list[str], list[str], float]) -> tuple[list[float], int]:
    """Runs a share of the reviewers: seconds of each measured cycle, and how many decisions were answered at all."""
    return asyncio.run(_review_all(*share))


async def _review_all(targets: list[str], tokens: list[str], seconds: float) -> tuple[list[float], int]:
    channels = [grpc.aio.insecure_channel(target) for target in targets]
    begins_at = time.monotonic() + 1
    work = [
        review(grpc_api.ReviewServiceStub(channels[i % len(channels)]), token, begins_at, begins_at + seconds)
        for i, token in enumerate(tokens)
    ]
    parts = await asyncio.gather(*work)
    for channel in channels:
        await channel.close()
    return [cycle_s for cycles, _ in parts for cycle_s in cycles], sum(count for _, count in parts)


async def review(stub: Any, token: str, begins_at: float, ends_at: float) -> tuple[list[float], int]:
    metadata, cycles, count = (("authorization", f"Bearer {token}"),), [], 0
    while (began := time.monotonic()) < ends_at:
        claim = pb.ClaimCasesRequest(count=1, request_id=str(uuid.uuid4()))
        answer = await stub.ClaimCases(claim, metadata=metadata, timeout=30)
        held = answer.cases[0]
        decision = pb.DecideCaseRequest(
            name=held.review_case.name,
            fencing_token=held.lease.fencing_token,
            verdict=pb.VERDICT_CORRECT,
            decided_text="bhakti",
            request_id=str(uuid.uuid4()),
        )
        await stub.DecideCase(decision, metadata=metadata, timeout=30)
        count += 1
        if began >= begins_at:
            cycles.append(time.monotonic() - began)
    return cycles, count


def claims(user: str) -> dict[str, Any]:
    settings, now = ReviewSettings(), int(time.time())
    common = {"iss": settings.token_issuer, "aud": settings.token_audience, "iat": now, "exp": now + 3600}
    return {**common, "sub": user, "permissions": sorted(permissions_of(["expert_linguist"]))}


@contextmanager
def running(command: list[str], **options: Any) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    try:
        yield
    finally:
        process.send_signal(2)
        process.wait(30)


@contextmanager
def database(directory: Path) -> Iterator[EmbeddedPostgres]:
    """A migrated Postgres with CASES waiting cases."""
    postgres = EmbeddedPostgres(directory, free_port(), PASSWORD)
    postgres.prepare()
    with running(postgres.command()):
        migrate(postgres.url)
        asyncio.run(set_passwords(postgres.url, dict.fromkeys(SCHEMAS, PASSWORD)))
        asyncio.run(fill(postgres.url))
        yield postgres


@contextmanager
def replica(postgres: EmbeddedPostgres, directory: Path) -> Iterator[str]:
    """A process of the service that is ready; its address."""
    target = f"127.0.0.1:{free_port()}"
    settings = {
        "LISTEN_ADDRESS": target,
        "DATABASE_URL": postgres.url_of(role_of("review"), PASSWORD),
        "JWKS_PATH": str(directory / "jwks.json"),
        "LOG_LEVEL": "WARNING",
        "DRAIN_S": "0",
        "POOL_MAX": "16",
    }
    with running([sys.executable, "-m", "shodhana.review"], env={**os.environ, **settings}):
        wait_until_ready(target)
        yield target


def wait_until_ready(target: str) -> None:
    ends_at = time.monotonic() + START_S
    with grpc.insecure_channel(target) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        while True:
            answer = stub.Check(health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=START_S)
            if answer.status == health_pb2.HealthCheckResponse.SERVING:
                return
            if time.monotonic() > ends_at:
                raise TimeoutError(f"{target} is not ready")
            time.sleep(0.05)


async def fill(url: str) -> None:
    connection = await asyncpg.connect(url)
    batch_id = str(uuid.uuid4())
    await connection.execute("INSERT INTO review.batches (batch_id, content_digest) VALUES ($1, '')", batch_id)
    await connection.execute(
        "INSERT INTO review.review_cases (domain, rank_at, due_at, filename, heard, body, batch_id, batch_position) "
        "SELECT ($2::text[])[1 + i % 4], now() + i * interval '1 s', now(), 'talk.srt', 'heard', $4, $1, i "
        "FROM generate_series(1, $3::int) AS i",
        *(batch_id, DOMAINS, CASES, pb.NewCase(heard="heard", context="words around " * 20).SerializeToString()),
    )
    await connection.execute("VACUUM ANALYZE review.review_cases")
    await connection.close()


async def decided(url: str) -> tuple[int, int]:
    connection = await asyncpg.connect(url)
    row = await connection.fetchrow("SELECT count(*), count(DISTINCT case_id) FROM review.expert_decisions")
    await connection.close()
    return row[0], row[1]


if __name__ == "__main__":
    main()
