"""The batcher: budgets, lanes, limits, cancellation."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
from shodhana.embedding.domain.batcher import MICRO_BATCH_TOKENS, Batcher, Lane, QueueFull, Waiting, micro_batches
from shodhana.embedding.domain.embedder import Embedder
from shodhana.embedding.domain.engine import Matrix, ModelCard, TokenIds
from shodhana.embedding.domain.values import CacheUse, EmbedOptions, TextTooLong, Truncation
from shodhana.errors import InvalidInput


class CountingEngine:
    """The port `Engine`: a vector says how long its text is; notes each batch, and can be held up."""

    card = ModelCard("counting", 4, 8, "f1", "test")

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.texts_tokenized = 0
        self.fails = False
        self.takes_s = 0.0
        self._running = threading.Event()
        self._may_go_on = threading.Event()
        self._may_go_on.set()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Batches that begin within the block end after it."""
        self._running.clear()
        self._may_go_on.clear()
        try:
            yield
        finally:
            self._may_go_on.set()

    async def until_running(self) -> None:
        assert await asyncio.to_thread(self._running.wait, 10)

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        self.texts_tokenized += len(texts)
        return [[ord(letter) for letter in text] for text in texts]

    def cut(self, ids: TokenIds, from_start: bool) -> list[int]:
        return list(ids[-8:] if from_start else ids[:8])

    def encode(self, batch: Sequence[TokenIds]) -> Matrix:
        self._running.set()
        assert self._may_go_on.wait(10)
        time.sleep(self.takes_s)
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
def vectors() -> MemoryVectors:
    return MemoryVectors()


@pytest.fixture
def embedder(engine: CountingEngine, batcher: Batcher, vectors: MemoryVectors) -> Embedder:
    return Embedder(engine, batcher, vectors)


def waiting(length: int) -> Waiting:
    return Waiting([1] * length, Lane.INTERACTIVE, asyncio.get_running_loop().create_future(), 0.0)


def lengths(batches: list[list[Waiting]]) -> list[list[int]]:
    return [[len(one.ids) for one in batch] for batch in batches]


async def test_micro_batches_keep_the_budget_with_padding_and_group_like_lengths() -> None:
    batches = lengths(micro_batches([waiting(n) for n in (3, 400, 5, 390, 4)]))
    assert batches == [[3, 4, 5], [390, 400]]
    many = lengths(micro_batches([waiting(n % 50 + 1) for n in range(500)]))
    assert all(len(batch) * max(batch) <= MICRO_BATCH_TOKENS for batch in many)
    assert sum(map(len, many)) == 500


async def test_short_texts_are_not_padded_to_the_length_of_a_long_one() -> None:
    assert lengths(micro_batches([waiting(n) for n in [3] * 40 + [20]])) == [[3] * 40, [20]]


async def test_a_full_queue_is_refused_with_a_time_to_come_back(batcher: Batcher) -> None:
    batcher.submit([1] * 90, Lane.INTERACTIVE, None)
    with pytest.raises(QueueFull) as caught:
        batcher.submit([1] * 20, Lane.INTERACTIVE, None)
    assert caught.value.retry_after_s
    assert caught.value.reason == "QUEUE_FULL"


async def test_bulk_leaves_room_for_who_waits_in_person(batcher: Batcher) -> None:
    batcher.submit([1] * 70, Lane.BULK, None)
    with pytest.raises(QueueFull):
        batcher.submit([1] * 10, Lane.BULK, None)
    batcher.submit([1] * 10, Lane.INTERACTIVE, None)


async def test_a_wait_longer_than_the_deadline_is_refused(batcher: Batcher) -> None:
    batcher.submit([1] * 70, Lane.BULK, None)
    with pytest.raises(QueueFull, match="longer than the deadline"):
        batcher.submit([1], Lane.BULK, 0.0001)
    batcher.submit([1], Lane.INTERACTIVE, 0.0001)  # overtakes: it would not wait


async def test_small_batches_do_not_make_the_wait_look_long(batcher: Batcher, engine: CountingEngine) -> None:
    engine.takes_s = 0.01
    for _ in range(5):
        await batcher.submit([1], Lane.INTERACTIVE, None).answer
    batcher.submit([1] * 70, Lane.BULK, None)
    batcher.submit([1], Lane.BULK, 0.1)  # at a token in 10 ms the wait would be .7 s


async def test_what_is_running_is_part_of_the_wait(batcher: Batcher, engine: CountingEngine) -> None:
    with engine.held():
        batcher.submit([1] * 70, Lane.INTERACTIVE, None)
        await engine.until_running()
        with pytest.raises(QueueFull, match="longer than the deadline"):
            batcher.submit([1], Lane.INTERACTIVE, 0.0001)


async def test_interactive_texts_overtake_bulk(batcher: Batcher, engine: CountingEngine) -> None:
    bulk = batcher.submit([1] * 7, Lane.BULK, None)
    quick = batcher.submit([1] * 3, Lane.INTERACTIVE, None)
    await asyncio.gather(bulk.answer, quick.answer)
    assert engine.batches == [[3], [7]]


async def test_a_text_nobody_waits_for_is_dropped_and_makes_room_at_once(
    batcher: Batcher, engine: CountingEngine
) -> None:
    dropped = batcher.submit([1] * 90, Lane.INTERACTIVE, None)
    batcher.leave(dropped)
    kept = batcher.submit([1] * 80, Lane.INTERACTIVE, None)
    await kept.answer
    assert dropped.answer.cancelled()
    assert engine.batches == [[80]]


async def test_a_text_in_bulk_that_somebody_waits_for_in_person_moves_up(
    batcher: Batcher, engine: CountingEngine
) -> None:
    first = batcher.submit([1] * 7, Lane.BULK, None)
    shared = batcher.submit([1] * 5, Lane.BULK, None)
    batcher.join(shared, Lane.INTERACTIVE)
    await asyncio.gather(first.answer, shared.answer)
    assert engine.batches == [[5], [7]]


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


async def test_a_caller_who_gives_up_takes_nothing_from_those_who_wait_for_the_same_text(
    embedder: Embedder, engine: CountingEngine
) -> None:
    with engine.held():
        busy = asyncio.create_task(embedder.embed(["busy"], EmbedOptions()))
        await engine.until_running()
        first = asyncio.create_task(embedder.embed(["yoga"], EmbedOptions()))
        await asyncio.sleep(0)
        second = asyncio.create_task(embedder.embed(["yoga"], EmbedOptions()))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait({first})
    assert (await second).vectors.any()
    assert (await busy).vectors.any()
    assert engine.batches == [[4], [4]]


async def test_a_request_that_finds_the_queue_full_leaves_nothing_in_it(
    embedder: Embedder, engine: CountingEngine
) -> None:
    with engine.held():
        busy = asyncio.create_task(embedder.embed(["busy"], EmbedOptions()))
        await engine.until_running()
        with pytest.raises(QueueFull):
            await embedder.embed([f"text {number:02}" for number in range(20)], EmbedOptions())
        fits = asyncio.create_task(embedder.embed([f"{number:08}" for number in range(12)], EmbedOptions()))
    await busy
    assert len((await fits).vectors) == 12


async def test_a_cached_text_is_not_embedded_again_unless_asked(embedder: Embedder, engine: CountingEngine) -> None:
    first = await embedder.embed(["yoga"], EmbedOptions())
    again = await embedder.embed(["yoga"], EmbedOptions())
    assert (first.cached, again.cached) == ([False], [True])
    assert np.allclose(first.vectors, again.vectors, atol=1e-3)
    fresh = await embedder.embed(["yoga"], EmbedOptions(cache=CacheUse.REFRESH))
    assert fresh.cached == [False]
    assert len(engine.batches) == 2


async def test_a_bypass_neither_reads_nor_writes_the_cache(
    embedder: Embedder, engine: CountingEngine, vectors: MemoryVectors
) -> None:
    assert (await embedder.embed(["yoga"], EmbedOptions(cache=CacheUse.BYPASS))).cached == [False]
    assert not vectors.values
    await embedder.embed(["yoga"], EmbedOptions())
    assert (await embedder.embed(["yoga"], EmbedOptions(cache=CacheUse.BYPASS))).cached == [False]
    assert len(engine.batches) == 3


async def test_what_is_told_of_a_text_is_the_same_from_the_cache(embedder: Embedder, engine: CountingEngine) -> None:
    texts = ["short", "much too long"]
    fresh = await embedder.embed(texts, EmbedOptions())
    asked = engine.texts_tokenized
    again = await embedder.embed(texts, EmbedOptions())
    assert (again.token_counts, again.truncated) == (fresh.token_counts, fresh.truncated) == ([5, 13], [False, True])
    assert engine.texts_tokenized == asked
    refused = await embedder.embed(texts, EmbedOptions(truncation=Truncation.ERROR))
    assert (list(refused.errors), refused.cached) == ([1], [True, False])


async def test_texts_that_are_cut_at_either_end_do_not_share_a_vector(embedder: Embedder) -> None:
    text = ["abcdefghijkl"]
    end = await embedder.embed(text, EmbedOptions())
    start = await embedder.embed(text, EmbedOptions(truncation=Truncation.START))
    assert start.cached == [False]
    assert not np.allclose(end.vectors, start.vectors)


async def test_a_prompt_stands_before_each_text(embedder: Embedder) -> None:
    assert (await embedder.embed(["a", "bc"], EmbedOptions(prompt="of:"))).token_counts == [5, 6]


async def test_truncation_is_told_or_refused_text_by_text(embedder: Embedder) -> None:
    result = await embedder.embed(["short", "much too long"], EmbedOptions())
    assert result.truncated == [False, True]
    assert result.token_counts == [5, 13]
    refused = await embedder.embed(["short", "much too long"], EmbedOptions(truncation=Truncation.ERROR))
    assert isinstance(refused.errors[1], TextTooLong)
    assert not refused.vectors[1].any()
    assert refused.vectors[0].any()


async def test_fewer_dimensions_are_of_unit_length_again_and_more_are_refused(embedder: Embedder) -> None:
    vectors = (await embedder.embed(["yoga"], EmbedOptions(dimensions=2))).vectors
    assert vectors.shape == (1, 2)
    assert np.linalg.norm(vectors) == pytest.approx(1)
    with pytest.raises(InvalidInput):
        await embedder.embed(["yoga"], EmbedOptions(dimensions=5))
