"""The embedding service, behind a breaker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc
import numpy as np

from shodhana.api.embedding.v1 import embedding_pb2 as pb
from shodhana.api.embedding.v1 import embedding_pb2_grpc as grpc_api
from shodhana.errors import DomainError
from shodhana.runtime.breaker import CircuitBreaker

from ..domain.index import Matrix, Model
from ..domain.query import VectorsMissing

BATCH = 256
TIMEOUT_S = 10.0
BULK_TIMEOUT_S = 60.0
LISTING_TIMEOUT_S = 2.0


class EmbeddingClient:
    """The port `Vectorizer`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = grpc_api.EmbeddingServiceStub(channel)
        self._breaker = CircuitBreaker("embedding", failure_threshold=3, reset_s=1.0)

    async def vectors(self, model: Model, texts: Sequence[str], fingerprint: str, bulk: bool = False) -> Matrix:
        parts = [
            await self._batch(model, texts[start : start + BATCH], fingerprint, bulk)
            for start in range(0, len(texts), BATCH)
        ]
        return np.concatenate(parts)

    async def fingerprints(self) -> dict[Model, str]:
        answer = await self._call(self._stub.ListModels, pb.ListModelsRequest(), LISTING_TIMEOUT_S)
        listed = {found.model_id: str(found.fingerprint) for found in answer.models}
        try:
            return {model: listed[model.value] for model in Model}
        except KeyError as error:
            raise VectorsMissing(f"the embedding service has no model {error} yet") from error

    async def _batch(self, model: Model, texts: Sequence[str], fingerprint: str, bulk: bool) -> Matrix:
        request = pb.EmbedRequest(
            model=model.value, texts=texts, priority=pb.PRIORITY_BULK if bulk else pb.PRIORITY_INTERACTIVE
        )
        answer = await self._call(self._stub.Embed, request, BULK_TIMEOUT_S if bulk else TIMEOUT_S)
        if answer.model_fingerprint != fingerprint:
            raise VectorsMissing(f"model {model.value} is another than the version's vectors were made with")
        return np.frombuffer(answer.vectors, "<f4").reshape(answer.count, answer.dimensions)

    async def _call(self, method: Any, request: Any, timeout_s: float) -> Any:
        try:
            async with self._breaker:
                return await method(request, timeout=timeout_s)
        except (grpc.aio.AioRpcError, DomainError) as error:
            raise VectorsMissing("the embedding service does not answer") from error
