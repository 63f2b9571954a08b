"""The service as a process: ready with the glossary, without an embedding service, and ended cleanly."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from shodhana.api.similarity.v1 import similarity_pb2, similarity_pb2_grpc, verses_pb2, verses_pb2_grpc
from shodhana.identity.adapters.key_files import KeyFileSigner
from shodhana.stack.places import VERSES
from shodhana.stack.ports import free_port

DEADLINE_S = 60
SERVICE = "shodhana.api.similarity.v1.SimilarityService"
Start = Callable[..., Any]


@pytest.fixture
async def start(postgres_database: Any, tmp_path: Path) -> AsyncIterator[Start]:
    started: list[asyncio.subprocess.Process] = []
    KeyFileSigner(tmp_path / "key.json", tmp_path / "jwks.json")

    async def start(**settings: str) -> tuple[asyncio.subprocess.Process, str]:
        address = f"127.0.0.1:{free_port()}"
        environment = {
            "LISTEN_ADDRESS": address,
            "DATABASE_URL": postgres_database.role_url("similarity"),
            "JWKS_PATH": str(tmp_path / "jwks.json"),
            "EMBEDDING_ADDRESSES": f"127.0.0.1:{free_port()}",
            "DRAIN_S": "0",
            **settings,
        }
        command = (sys.executable, "-m", "shodhana.similarity")
        process = await asyncio.create_subprocess_exec(*command, env=os.environ | environment)
        started.append(process)
        return process, address

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def status_of(address: str) -> int:
    """The health of the service; 0 while it does not answer."""
    async with grpc.aio.insecure_channel(address) as channel:
        try:
            request = health_pb2.HealthCheckRequest(service=SERVICE)
            return int((await health_pb2_grpc.HealthStub(channel).Check(request, timeout=10)).status)
        except grpc.aio.AioRpcError:
            return 0


async def until_status(address: str, status: int) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while await status_of(address) != status:  # noqa: ASYNC110 — another process
            await asyncio.sleep(0.05)


@pytest.fixture
def metadata(tmp_path: Path) -> tuple[tuple[str, str], ...]:
    """The header of somebody who may read the lexicon."""
    now = int(time.time())
    issued = {"iss": "https://identity.shodhana.local", "aud": "shodhana", "iat": now, "exp": now + 600}
    signer = KeyFileSigner(tmp_path / "key.json", tmp_path / "jwks.json")
    token = signer.sign({**issued, "sub": "users/1", "permissions": ["lexicon:read"]})
    return (("authorization", f"Bearer {token}"),)


@pytest.mark.parametrize(("epic_3", "is_degraded"), [("true", True), ("false", False)])
async def test_it_answers_by_spelling_without_an_embedding_service_and_ends_when_told(
    start: Start, glossary: Path, metadata: tuple[tuple[str, str], ...], epic_3: str, is_degraded: bool
) -> None:
    """Missing, it is told; left out with the semantic layer, nothing is missing."""
    process, address = await start(GLOSSARY_PATH=str(glossary), ENABLE_EPIC_3=epic_3)
    await until_status(address, health_pb2.HealthCheckResponse.SERVING)
    heard = ["kṛṣṇa", "Krishna", "prarabda", "baki"]
    async with grpc.aio.insecure_channel(address) as channel:
        stub = similarity_pb2_grpc.SimilarityServiceStub(channel)
        request = similarity_pb2.BatchSearchRequest(queries=[similarity_pb2.BatchQuery(query=word) for word in heard])
        answer = await stub.BatchSearch(request, metadata=metadata, timeout=DEADLINE_S)
    assert [result.candidates[0].term for result in answer.results] == ["kṛṣṇa", "kṛṣṇa", "prārabdha", "bhakti"]
    kinds = {reason.kind for result in answer.results for one in result.candidates for reason in one.reasons}
    assert not kinds & {similarity_pb2.REASON_KIND_PHONETIC, similarity_pb2.REASON_KIND_SEMANTIC}
    assert answer.degraded is is_degraded
    assert answer.usage.path == similarity_pb2.SEARCH_PATH_UNSPECIFIED
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(DEADLINE_S):
        assert await process.wait() == 0


@pytest.mark.parametrize(("epic_3", "code"), [("true", None), ("false", grpc.StatusCode.UNIMPLEMENTED)])
async def test_it_searches_the_shipped_verses_unless_it_is_the_core_engine_alone(
    start: Start, glossary: Path, metadata: tuple[tuple[str, str], ...], epic_3: str, code: grpc.StatusCode | None
) -> None:
    _, address = await start(GLOSSARY_PATH=str(glossary), VERSES_PATH=str(VERSES), ENABLE_EPIC_3=epic_3)
    await until_status(address, health_pb2.HealthCheckResponse.SERVING)
    async with grpc.aio.insecure_channel(address) as channel:
        stub = verses_pb2_grpc.VerseServiceStub(channel)
        request = verses_pb2.SearchVersesRequest(texts=["karmanye vadhikaraste ma phaleshu kadachana"])
        if code is not None:
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await stub.SearchVerses(request, metadata=metadata, timeout=DEADLINE_S)
            assert raised.value.code() is code
            return
        async with asyncio.timeout(DEADLINE_S):
            while not (answer := await stub.SearchVerses(request, metadata=metadata)).verse_count:  # noqa: ASYNC110 — another process
                await asyncio.sleep(0.05)
    assert answer.results[0].recitations[0].verse.reference == "BG 2.47"


async def test_it_is_not_ready_without_a_lexicon(start: Start) -> None:
    _, address = await start()
    await until_status(address, health_pb2.HealthCheckResponse.NOT_SERVING)
