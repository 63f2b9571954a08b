"""Starts the embedding service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial

from shodhana.api.embedding.v1 import embedding_pb2_grpc as grpc_api
from shodhana.errors import Unavailable
from shodhana.runtime import metrics
from shodhana.runtime.application import Application, run
from shodhana.runtime.cache import LayeredCache, MemoryCache
from shodhana.runtime.cache_tally import CacheTally
from shodhana.runtime.redis import open_redis

from .adapters.phonetic_weights import load_phonetic_weights
from .domain.batcher import Batcher
from .domain.embedder import Embedder
from .domain.engine import Engine
from .domain.phonetic import PhoneticEngine
from .domain.rows import packed_bytes
from .servicer import EmbeddingServicer
from .settings import EmbeddingSettings

WARM_TEXTS = ("the self that is never born", "yoga", "a much longer line of a lecture, as a subtitle would show it")


async def register(app: Application, settings: EmbeddingSettings) -> None:
    redis = await app.enter(open_redis(settings))
    tally = CacheTally(redis)
    embedders: dict[str, Embedder] = {}
    wanted = ("phonetic", "semantic") if settings.enable_epic_3 else ("phonetic",)

    async def load(model_id: str) -> None:
        executor = await app.enter(_closing(ThreadPoolExecutor(1, f"{model_id}-inference")))
        loop = asyncio.get_running_loop()
        engine = await loop.run_in_executor(executor, _load_and_warm, model_id, settings)
        batcher = Batcher(engine, executor, settings.max_queued_tokens)
        entries = settings.phonetic_cache_entries if model_id == "phonetic" else settings.cache_entries
        memory = MemoryCache(entries, settings.cache_ttl_s)
        cache = LayeredCache(f"embedding_{model_id}", redis, memory, settings.cache_ttl_s, _is_row_of(engine))
        tally.watch(cache)
        embedders[model_id] = Embedder(engine, batcher, cache)
        for stage in ("queue", "engine"):
            metrics.EMBEDDING_STAGES.labels(model_id, stage)
        metrics.EMBEDDING_QUEUE.labels(model_id).set_function(lambda: batcher.queued_tokens)
        await batcher.run()

    async def all_loaded() -> None:
        if missing := set(wanted) - set(embedders):
            raise Unavailable(f"still loading {', '.join(missing)}")

    for model_id in wanted:
        app.background(f"batcher-{model_id}", partial(load, model_id))
    app.background("cache-tally", tally.keep_up)
    app.ready_when("models", all_loaded)
    grpc_api.add_EmbeddingServiceServicer_to_server(EmbeddingServicer(embedders, wanted), app.server)
    app.serves("shodhana.api.embedding.v1.EmbeddingService")


@asynccontextmanager
async def _closing(executor: ThreadPoolExecutor) -> AsyncIterator[ThreadPoolExecutor]:
    try:
        yield executor
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def _is_row_of(engine: Engine) -> Callable[[bytes], bool]:
    size = packed_bytes(engine.card.dimensions)
    return lambda value: len(value) == size


def _load_and_warm(model_id: str, settings: EmbeddingSettings) -> Engine:
    engine = _load(model_id, settings)
    engine.encode(engine.tokenize(WARM_TEXTS))
    return engine


def _load(model_id: str, settings: EmbeddingSettings) -> Engine:
    if model_id == "phonetic":
        return PhoneticEngine(load_phonetic_weights())
    if settings.embedding_engine == "torch":
        from .adapters.torch_engine import TorchEngine

        return TorchEngine(settings.semantic_model_path)
    from .adapters.openvino_engine import OpenVinoEngine

    return OpenVinoEngine(settings.semantic_model_path, settings.inference_threads)


if __name__ == "__main__":
    run(EmbeddingSettings(), register)
