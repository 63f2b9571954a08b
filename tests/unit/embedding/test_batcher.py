"""The batcher: budgets, lanes, limits, cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from shodhana.embedding.domain.batcher import MICRO_BATCH_TOKENS, Batcher, Lane, QueueFull, Waiting, micro_batches
from shodhana.embedding.domain.embedder import (
    CacheUse,
    Embedder,
    EmbedOptions,
    TextTooLong,
    Truncation,
)
from shodhana.embedding.domain.engine import Matrix, ModelCard, TokenIds
from shodhana.errors import InvalidInput


class CountingEngine:
    """The port `Engine`: a vector says how long its text is; notes each batch."""

    card = ModelCard("counting", 4, 8, "f1", "test")

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.fails = False

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        return [[ord(letter) for letter in text] for text in texts]

    def cut(self, ids: TokenIds, from_start: bool) -> list[int]:
        return list(ids[-8:] if from_start else ids[:8])

    def encode(self, batch: Sequence[TokenIds]) -> Matrix:
        if self.fails:
            raise RuntimeError("the engine broke")
        self.batches.append([len(ids) for ids in batch])
        rows = [[len(ids), ids[0], ids[-1], 1.0] for ids in batch]
        matrix = np.array(rows, np.float32)
        return np.asarray(matrix / np.linalg.norm(matrix, axis=1, keepdims=True), np.float32)


class MemoryVectors:
    """The port `VectorCache`."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}

    async def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        return {key: self.values[key] for key in keys if key in self.values}

    async def put_many(self, values: dict[str, bytes]) -> None:
        self.values.update(values)


@pytest.fixture
def engine() -> CountingEngine:
    return CountingEngine()


@pytest.fixture
async def batcher(engine: CountingEngine) -> AsyncIterator[Batcher]:
    with ThreadPoolExecutor(1) as executor:
        made = Batcher(engine, executor, max_queued_tokens=100)
        task = asyncio.create_task(made.run())
        yield made
        task.cancel()


@pytest.fixture
def embedder(engine: CountingEngine, batcher: Batcher) -> Embedder:
    return Embedder(engine, batcher, MemoryVectors())


def waiting(length: int) -> Waiting:
    return Waiting([1] * length, asyncio.get_running_loop().create_future(), 0.0)


async def test_micro_batches_keep_the_budget_with_padding_and_group_like_lengths() -> None:
    batches = micro_batches([waiting(n) for n in (3, 400, 5, 300, 4)])
    lengths = [[len(one.ids) for one in batch] for batch in batches]
    assert lengths == [[3, 4, 5], [300, 400]]
    assert all(len(batch) * max(batch) <= MICRO_BATCH_TOKENS for batch in lengths)


async def test_a_full_queue_is_refused_with_a_time_to_come_back(batcher: Batcher) -> None:
    batcher.submit([1] * 90, Lane.INTERACTIVE, None)
    with pytest.raises(QueueFull) as caught:
        batcher.submit([1] * 20, Lane.INTERACTIVE, None)
    assert caught.value.retry_after_s
    assert caught.value.reason == "QUEUE_FULL"


async def test_a_wait_longer_than_the_deadline_is_refused(batcher: Batcher) -> None:
    batcher.submit([1] * 90, Lane.BULK, None)
    with pytest.raises(QueueFull, match="longer than the deadline"):
        batcher.submit([1], Lane.INTERACTIVE, 0.0001)


async def test_interactive_texts_overtake_bulk(batcher: Batcher, engine: CountingEngine) -> None:
    bulk = batcher.submit([1] * 7, Lane.BULK, None)
    quick = batcher.submit([1] * 3, Lane.INTERACTIVE, None)
    await asyncio.gather(bulk.answer, quick.answer)
    assert engine.batches == [[3], [7]]


async def test_a_text_nobody_waits_for_is_dropped(batcher: Batcher, engine: CountingEngine) -> None:
    dropped = batcher.submit([1] * 7, Lane.INTERACTIVE, None)
    dropped.answer.cancel()
    kept = batcher.submit([1] * 2, Lane.INTERACTIVE, None)
    await kept.answer
    assert engine.batches == [[2]]


async def test_an_engine_that_fails_fails_its_batch_and_serves_the_next(
    embedder: Embedder, engine: CountingEngine
) -> None:
    engine.fails = True
    with pytest.raises(RuntimeError):
        await embedder.embed(["one"], EmbedOptions())
    engine.fails = False
    assert (await embedder.embed(["one"], EmbedOptions())).vectors.shape == (1, 4)


async def test_the_same_text_is_embedded_once_for_many_callers(embedder: Embedder, engine: CountingEngine) -> None:
    results = await asyncio.gather(*(embedder.embed(["yoga"], EmbedOptions()) for _ in range(20)))
    assert sum(map(len, engine.batches)) == 1
    assert all(np.array_equal(result.vectors, results[0].vectors) for result in results)


async def test_a_cached_text_is_not_embedded_again_unless_asked(embedder: Embedder, engine: CountingEngine) -> None:
    first = await embedder.embed(["yoga"], EmbedOptions())
    again = await embedder.embed(["yoga"], EmbedOptions())
    assert (first.cached, again.cached) == ([False], [True])
    assert np.allclose(first.vectors, again.vectors, atol=1e-3)
    fresh = await embedder.embed(["yoga"], EmbedOptions(cache=CacheUse.REFRESH))
    assert fresh.cached == [False]
    assert len(engine.batches) == 2


async def test_truncation_is_told_or_refused_text_by_text(embedder: Embedder) -> None:
    result = await embedder.embed(["short", "much too long"], EmbedOptions())
    assert result.truncated == [False, True]
    assert result.token_counts == [5, 13]
    refused = await embedder.embed(["short", "much too long"], EmbedOptions(truncation=Truncation.ERROR))
    assert isinstance(refused.errors[1], TextTooLong)
    assert not refused.vectors[1].any()
    assert refused.vectors[0].any()


async def test_start_truncation_keeps_the_end(embedder: Embedder) -> None:
    end, start = [
        (await embedder.embed(["abcdefghijkl"], EmbedOptions(truncation=kind))).vectors
        for kind in (Truncation.END, Truncation.START)
    ]
    assert not np.allclose(end, start)


async def test_fewer_dimensions_are_of_unit_length_again_and_more_are_refused(embedder: Embedder) -> None:
    vectors = (await embedder.embed(["yoga"], EmbedOptions(dimensions=2))).vectors
    assert vectors.shape == (1, 2)
    assert np.linalg.norm(vectors) == pytest.approx(1)
    with pytest.raises(InvalidInput):
        await embedder.embed(["yoga"], EmbedOptions(dimensions=5))
