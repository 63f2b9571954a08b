"""The caches: this process's own, and Redis between two replicas."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pytest
import redis as redis_client
from shodhana.api.embedding.v1 import embedding_pb2 as pb


@pytest.fixture
def redis(redis_server: Any) -> Any:
    client = redis_client.Redis.from_url(redis_server.url)
    yield client
    client.close()


@pytest.fixture(scope="session")
def other(replicas: Any, redis_server: Any) -> Any:
    """A second replica on the same Redis."""
    return replicas.start(REDIS_URL=redis_server.url).until_ready()


def new_text() -> str:
    return f"text {uuid.uuid4()}"


@pytest.mark.parametrize("model", ["semantic", "phonetic"])
async def test_a_text_is_computed_once_for_both_replicas(connect: Any, replica: Any, other: Any, model: str) -> None:
    text = new_text()
    first = await connect(replica).embed(text, "yoga", text, model=model)
    assert not first.cached[0]
    again = await connect(replica).embed(text, model=model)
    elsewhere = await connect(other).embed(new_text(), text, model=model)
    assert list(again.cached) == [True]
    assert list(elsewhere.cached) == [False, True]
    assert elsewhere.token_counts[1] == first.token_counts[0]
    vectors = [np.frombuffer(answer.vectors, "<f4").reshape(-1, 384) for answer in (first, again, elsewhere)]
    assert vectors[0][0] @ vectors[1][0] > 0.9999
    assert np.array_equal(vectors[1][0], vectors[2][1])


async def test_a_bypass_neither_reads_nor_writes(connect: Any, replica: Any, other: Any) -> None:
    text = new_text()
    await connect(replica).embed(text, cache=pb.CACHE_POLICY_BYPASS)
    assert list((await connect(other).embed(text)).cached) == [False]
    assert list((await connect(other).embed(text, cache=pb.CACHE_POLICY_BYPASS)).cached) == [False]


async def test_a_refresh_computes_anew_and_mends_what_is_kept(caller: Any, redis: Any) -> None:
    text = new_text()
    right = await caller.embed(text)
    fresh = await caller.embed(text, cache=pb.CACHE_POLICY_REFRESH)
    assert list(fresh.cached) == [False]
    assert list((await caller.embed(text)).cached) == [True]
    assert np.frombuffer(right.vectors, "<f4") @ np.frombuffer(fresh.vectors, "<f4") > 0.9999


@pytest.mark.parametrize("spoiled", [b"", b"not a vector", b"\0" * 770])
async def test_bytes_that_are_no_vector_are_computed_anew(
    connect: Any, replica: Any, other: Any, redis: Any, spoiled: bytes
) -> None:
    text = new_text()
    before = set(redis.keys("emb:*"))
    right = await connect(replica).embed(text)
    [key] = set(redis.keys("emb:*")) - before
    redis.set(key, spoiled)
    answer = await connect(other).embed(text)
    assert list(answer.cached) == [False]
    assert np.frombuffer(answer.vectors, "<f4") @ np.frombuffer(right.vectors, "<f4") > 0.9999
    assert redis.get(key) != spoiled


async def test_keys_name_the_model_and_its_fingerprint_and_end_after_a_day(caller: Any, redis: Any) -> None:
    before = set(redis.keys("emb:*"))
    answer = await caller.embed(new_text())
    [key] = set(redis.keys("emb:*")) - before
    assert key.decode().startswith(f"emb:semantic-{answer.model_fingerprint}:")
    assert 0 < redis.ttl(key) <= 24 * 3600


async def test_without_redis_a_replica_answers_from_its_own_cache(connect: Any, replicas: Any) -> None:
    alone = replicas.start(REDIS_URL="redis://127.0.0.1:9/0", ENABLE_EPIC_3="false").until_ready()
    caller = connect(alone)
    assert list((await caller.embed("yoga", model="phonetic")).cached) == [False]
    assert list((await caller.embed("yoga", model="phonetic")).cached) == [True]
