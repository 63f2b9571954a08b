"""What the service asks of the embedding service, over gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import numpy as np
import pytest
from shodhana.api.embedding.v1 import embedding_pb2_grpc as grpc_api
from shodhana.embedding.domain.batcher import Batcher
from shodhana.embedding.domain.embedder import Embedder
from shodhana.embedding.servicer import EmbeddingServicer
from shodhana.runtime.breaker import CircuitOpen
from shodhana.similarity.adapters.embeddings import BATCH, EmbeddingClient
from shodhana.similarity.domain.index import Model
from shodhana.similarity.domain.query import VectorsMissing

Serve = Callable[..., Any]


@pytest.fixture
async def serve(engines: Any) -> AsyncIterator[Serve]:
    """Starts the embedding service with some of its models; gives a client of it, and the server."""
    stops: list[Callable[[], Any]] = []

    async def serve(*models: Model) -> tuple[EmbeddingClient, grpc.aio.Server]:
        embedders = {}
        for model in models:
            executor = ThreadPoolExecutor(1)
            batcher = Batcher(engines.engine(model), executor)
            task = asyncio.create_task(batcher.run())
            stops.extend((executor.shutdown, task.cancel))
            embedders[model.value] = Embedder(engines.engine(model), batcher, None)
        server = grpc.aio.server()
        servicer = EmbeddingServicer(embedders, tuple(model.value for model in Model))
        grpc_api.add_EmbeddingServiceServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        channels.append(channel)
        servers.append(server)
        return EmbeddingClient(channel), server

    channels: list[grpc.aio.Channel] = []
    servers: list[grpc.aio.Server] = []
    yield serve
    for channel in channels:
        await channel.close()
    for server in servers:
        await server.stop(None)
    for stop in stops:
        stop()


async def test_vectors_are_those_of_the_model_in_the_order_of_the_texts(serve: Serve, engines: Any) -> None:
    client, _ = await serve(*Model)
    fingerprints = await client.fingerprints()
    texts = [f"term {number}" for number in range(BATCH + 10)]
    found = await client.vectors(Model.PHONETIC, texts, fingerprints[Model.PHONETIC], bulk=True)
    right = await engines.vectors(Model.PHONETIC, texts, fingerprints[Model.PHONETIC])
    assert np.allclose(found, right, atol=1e-5)


async def test_vectors_of_another_model_are_refused(serve: Serve) -> None:
    client, _ = await serve(*Model)
    with pytest.raises(VectorsMissing, match="another"):
        await client.vectors(Model.PHONETIC, ["bhakti"], "of yesterday")


async def test_a_model_that_is_still_loading_is_missing(serve: Serve) -> None:
    client, _ = await serve(Model.PHONETIC)
    with pytest.raises(VectorsMissing):
        await client.fingerprints()
    with pytest.raises(VectorsMissing):
        await client.vectors(Model.SEMANTIC, ["devotion"], "any")


async def test_a_service_that_is_gone_is_soon_not_asked_any_more(serve: Serve) -> None:
    client, server = await serve(*Model)
    fingerprint = (await client.fingerprints())[Model.PHONETIC]
    await server.stop(None)
    causes = []
    for _ in range(5):
        with pytest.raises(VectorsMissing) as raised:
            await client.vectors(Model.PHONETIC, ["bhakti"], fingerprint)
        causes.append(type(raised.value.__cause__))
    assert causes[0] is grpc.aio.AioRpcError
    assert causes[-1] is CircuitOpen
