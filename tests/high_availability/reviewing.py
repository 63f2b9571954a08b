"""The review service over a pair of Postgres servers, and experts who decide as fast as they can."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
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
from shodhana.stack.ports import free_port

from tests.conftest import Running, wait_until
from tests.high_availability.pair import Pair

PATIENCE_S = 5.0
PAUSE_S = 0.1
DOMAINS = ["spiritual", "philosophical", "scriptural", "general"]


@dataclass(slots=True)
class Experts:
    """Decide until they are stopped; what was acknowledged, and when the last acknowledgement came."""

    target: str
    tokens: list[str]
    acknowledged: dict[str, float] = field(default_factory=dict)
    """By request id, when."""
    refused: dict[str, int] = field(default_factory=dict)
    """Calls by the status they ended with."""
    is_stopped: bool = False

    async def decide(self) -> None:
        """Until `is_stopped`."""
        async with grpc.aio.insecure_channel(self.target) as channel:
            stub = grpc_api.ReviewServiceStub(channel)
            await asyncio.gather(*(self._decide_all(stub, token) for token in self.tokens))

    async def _decide_all(self, stub: Any, token: str) -> None:
        metadata = (("authorization", f"Bearer {token}"),)
        while not self.is_stopped:
            try:
                request = pb.ClaimCasesRequest(count=1, request_id=str(uuid.uuid4()))
                claimed = await stub.ClaimCases(request, metadata=metadata, timeout=PATIENCE_S)
                for one in claimed.cases:
                    decision = decision_on(one)
                    await stub.DecideCase(decision, metadata=metadata, timeout=PATIENCE_S)
                    self.acknowledged[decision.request_id] = time.monotonic()
            except grpc.aio.AioRpcError as error:
                name = error.code().name
                self.refused[name] = self.refused.get(name, 0) + 1
                await asyncio.sleep(PAUSE_S)


def decision_on(claimed: pb.ClaimedCase) -> pb.DecideCaseRequest:
    return pb.DecideCaseRequest(
        name=claimed.review_case.name,
        fencing_token=claimed.lease.fencing_token,
        verdict=pb.VERDICT_CORRECT,
        decided_text="bhakti",
        request_id=str(uuid.uuid4()),
    )


@contextmanager
def review_service(pair: Pair, folder: Path, others: Mapping[str, str] | None = None) -> Iterator[str]:
    """A replica of the service that knows both servers; its address when it is ready."""
    target = f"127.0.0.1:{free_port()}"
    KeyFileSigner(folder / "key.json", folder / "jwks.json")
    settings = {
        "LISTEN_ADDRESS": target,
        "DATABASE_URL": pair.url("review"),
        "JWKS_PATH": str(folder / "jwks.json"),
        "LOG_LEVEL": "WARNING",
        "DRAIN_S": "0",
        "SECOND_READ_SHARE": "0",
        "GOLD_SHARE": "0",
    }
    with Running(
        [sys.executable, "-m", "shodhana.review"], env={**os.environ, **settings, **(others or {})}
    ) as process:
        wait_until(lambda: _is_serving(process, target), 60)
        yield target


def tokens(folder: Path, count: int) -> list[str]:
    """One an expert."""
    signer, settings, now = KeyFileSigner(folder / "key.json", folder / "jwks.json"), ReviewSettings(), int(time.time())
    common = {"iss": settings.token_issuer, "aud": settings.token_audience, "iat": now, "exp": now + 3600}
    permissions = sorted(permissions_of(["expert_linguist"]))
    return [signer.sign({**common, "sub": f"users/{n}", "permissions": permissions}) for n in range(count)]


def _is_serving(process: subprocess.Popen[bytes], target: str) -> bool:
    assert process.poll() is None, "the service ended"
    with grpc.insecure_channel(target) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=2)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def fill(url: str, cases: int) -> None:
    """So many cases that wait."""
    connection, batch_id = await asyncpg.connect(url), str(uuid.uuid4())
    body = pb.NewCase(heard="heard", context="words around").SerializeToString()
    await connection.execute("INSERT INTO review.batches (batch_id, content_digest) VALUES ($1, '')", batch_id)
    await connection.execute(
        "INSERT INTO review.review_cases (domain, rank_at, due_at, filename, heard, body, batch_id, batch_position) "
        "SELECT ($2::text[])[1 + i % 4], now() + i * interval '1 s', now(), 'talk.srt', 'heard', $4, $1, i "
        "FROM generate_series(1, $3::int) AS i",
        *(batch_id, DOMAINS, cases, body),
    )
    await connection.execute("ANALYZE review.review_cases")
    await connection.close()


async def stored_decisions(url: str) -> tuple[set[str], int]:
    """Request ids of all that are stored, and how many of them are of a case that has another."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT request_id::text, case_id FROM review.expert_decisions")
    await connection.close()
    return {row["request_id"] for row in rows}, len(rows) - len({row["case_id"] for row in rows})
