"""Translates between the embedding contract and the embedder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from google.rpc import status_pb2

from shodhana.api.embedding.v1 import embedding_pb2 as pb
from shodhana.api.embedding.v1 import embedding_pb2_grpc as grpc_api
from shodhana.errors import DomainError
from shodhana.runtime import deadline, metrics, telemetry
from shodhana.runtime.errors import to_status
from shodhana.runtime.pages import page_of
from shodhana.runtime.timestamps import duration

from .domain.batcher import Lane
from .domain.embedder import Embedder
from .domain.values import CacheUse, Embedded, EmbedOptions, ModelLoading, ModelUnknown, Truncation

LOADING_S = 1.0
TRUNCATIONS = {pb.TRUNCATION_START: Truncation.START, pb.TRUNCATION_ERROR: Truncation.ERROR}
CACHES = {pb.CACHE_POLICY_BYPASS: CacheUse.BYPASS, pb.CACHE_POLICY_REFRESH: CacheUse.REFRESH}


@dataclass(frozen=True, slots=True)
class EmbeddingServicer(grpc_api.EmbeddingServiceServicer):
    """Embeds with the models it was given; those of `model_ids` that are not there yet are being loaded."""

    embedders: Mapping[str, Embedder]
    model_ids: tuple[str, ...]

    async def Embed(self, request: pb.EmbedRequest, context: Any) -> pb.EmbedResponse:
        embedder = self._embedder(request.model)
        embedded = await embedder.embed(request.texts, _options(request))
        _observe(request.model, embedded)
        return _response(embedded, embedder.card.fingerprint, request.encoding)

    async def EmbedStream(
        self, request_iterator: AsyncIterator[pb.EmbedStreamRequest], context: Any
    ) -> AsyncIterator[pb.EmbedStreamResponse]:
        async for item in request_iterator:
            try:
                response = await self.Embed(item.request, context)
                yield pb.EmbedStreamResponse(batch_id=item.batch_id, response=response)
            except DomainError as error:
                yield pb.EmbedStreamResponse(batch_id=item.batch_id, error=to_status(error, item.batch_id))

    async def Tokenize(self, request: pb.TokenizeRequest, context: Any) -> pb.TokenizeResponse:
        embedder = self._embedder(request.model)
        counts = await embedder.token_counts(list(request.texts))
        return pb.TokenizeResponse(token_counts=counts, max_tokens=embedder.card.max_tokens)

    async def ListModels(self, request: pb.ListModelsRequest, context: Any) -> pb.ListModelsResponse:
        page, token = page_of(sorted(self.embedders), request.page_size, request.page_token)
        cards = [self.embedders[name].card for name in page]
        models = [
            pb.Model(
                model_id=card.model_id,
                dimensions=card.dimensions,
                max_tokens=card.max_tokens,
                fingerprint=card.fingerprint,
                engine=card.engine,
                ready=True,
            )
            for card in cards
        ]
        return pb.ListModelsResponse(models=models, next_page_token=token)

    def _embedder(self, model_id: str) -> Embedder:
        embedder = self.embedders.get(model_id)
        if embedder is not None:
            return embedder
        if model_id in self.model_ids:
            raise ModelLoading(f"model {model_id!r} is being loaded", retry_after_s=LOADING_S)
        raise ModelUnknown(f"no model {model_id!r}; there are {', '.join(self.model_ids)}")


def _observe(model: str, embedded: Embedded) -> None:
    metrics.EMBEDDED_TEXTS.labels(model).inc(len(embedded.cached))
    telemetry.annotate(text_count=len(embedded.cached), queue_wait_ms=round(embedded.timings.queue_s * 1000))
    if not all(embedded.cached):
        metrics.EMBEDDING_STAGES.labels(model, "queue").observe(embedded.timings.queue_s)
        metrics.EMBEDDING_STAGES.labels(model, "engine").observe(embedded.timings.inference_s)


def _options(request: pb.EmbedRequest) -> EmbedOptions:
    return EmbedOptions(
        truncation=TRUNCATIONS.get(request.truncation, Truncation.END),
        dimensions=request.dimensions,
        prompt=request.prompt,
        lane=Lane.BULK if request.priority == pb.PRIORITY_BULK else Lane.INTERACTIVE,
        cache=CACHES.get(request.cache, CacheUse.USE),
        remaining_s=deadline.remaining_s(),
    )


def _response(embedded: Embedded, fingerprint: str, encoding: int) -> pb.EmbedResponse:
    half = encoding == pb.VECTOR_ENCODING_F16
    return pb.EmbedResponse(
        vectors=embedded.vectors.astype("<f2" if half else "<f4").tobytes(),
        count=embedded.vectors.shape[0],
        dimensions=embedded.vectors.shape[1],
        encoding=pb.VECTOR_ENCODING_F16 if half else pb.VECTOR_ENCODING_F32,
        token_counts=embedded.token_counts,
        truncated=embedded.truncated,
        cached=embedded.cached,
        errors=[pb.ItemError(index=index, status=_status(error)) for index, error in embedded.errors.items()],
        model_fingerprint=fingerprint,
        timings=pb.EmbedTimings(
            queue=duration(embedded.timings.queue_s),
            inference=duration(embedded.timings.inference_s),
            total=duration(embedded.total_s),
        ),
    )


def _status(error: DomainError) -> status_pb2.Status:
    return to_status(error, "")
