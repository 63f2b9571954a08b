"""Embeds lists of texts with one model: tokens, cache, batches."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

import numpy as np

from shodhana.errors import DomainError, FieldViolation, InvalidInput, NotFound

from .batcher import Batcher, Lane
from .engine import Engine, Matrix, ModelCard, TokenIds

NORM_VERSION = 1  # of what is done to a text before it is embedded; part of the cache key
INLINE_TEXTS = 64  # more than that are tokenized off the loop


class ModelUnknown(NotFound):
    """No model of that id is served."""

    reason = "MODEL_UNKNOWN"


class TextTooLong(InvalidInput):
    """More tokens than the model takes, and truncation is not wanted."""

    reason = "TEXT_TOO_LONG"


class Truncation(Enum):
    """What happens to long texts."""

    END = "end"
    START = "start"
    ERROR = "error"


class CacheUse(Enum):
    """How the cache is used."""

    USE = "use"
    BYPASS = "bypass"
    REFRESH = "refresh"


class VectorCache(Protocol):
    """Bytes by key."""

    async def get_many(self, keys: Sequence[str]) -> dict[str, bytes]: ...

    async def put_many(self, values: Mapping[str, bytes]) -> None: ...


@dataclass(frozen=True, slots=True)
class EmbedOptions:
    """How to embed. `dimensions` 0: all."""

    truncation: Truncation = Truncation.END
    dimensions: int = 0
    prompt: str = ""
    lane: Lane = Lane.INTERACTIVE
    cache: CacheUse = CacheUse.USE
    remaining_s: float | None = None


@dataclass(slots=True)
class Embedded:
    """(n, dimensions) vectors of unit length, a row of zeros for each text in `errors`."""

    vectors: Matrix
    token_counts: list[int]
    truncated: list[bool]
    cached: list[bool]
    errors: dict[int, DomainError] = field(default_factory=dict)
    queue_s: float = 0.0
    inference_s: float = 0.0
    total_s: float = 0.0


class Embedder:
    """One model with its batcher and cache."""

    def __init__(self, engine: Engine, batcher: Batcher, cache: VectorCache | None) -> None:
        self._engine = engine
        self._batcher = batcher
        self._cache = cache
        self._in_flight: dict[str, asyncio.Future[Matrix]] = {}

    @property
    def card(self) -> ModelCard:
        return self._engine.card

    async def token_counts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens included."""
        return [len(ids) for ids in await self._tokenize(texts)]

    async def embed(self, texts: Sequence[str], options: EmbedOptions) -> Embedded:
        """Vectors in the order of the texts. Raises QueueFull, InvalidInput for too many dimensions."""
        began = time.perf_counter()
        width = self._check_dimensions(options.dimensions)
        prompted = [f"{options.prompt} {text}" if options.prompt else text for text in texts]
        keys = [self._key(text, options.truncation) for text in prompted]
        rows = await self._cached(keys, options.cache)
        result = Embedded(
            vectors=np.zeros((len(texts), self.card.dimensions), np.float32),
            token_counts=[0] * len(texts),
            truncated=[False] * len(texts),
            cached=[key in rows for key in keys],
        )
        await self._embed_missing(prompted, keys, rows, options, result)
        for index, key in enumerate(keys):
            if key in rows:
                result.vectors[index] = rows[key]
        result.vectors = _sliced(result.vectors, width)
        result.total_s = time.perf_counter() - began
        return result

    async def _embed_missing(
        self, texts: list[str], keys: list[str], rows: dict[str, Matrix], options: EmbedOptions, result: Embedded
    ) -> None:
        """Fills `rows` and what `result` tells of tokens."""
        all_ids = await self._tokenize(texts)
        most = self.card.max_tokens
        waiting: dict[str, TokenIds] = {}
        for index, (key, ids) in enumerate(zip(keys, all_ids, strict=True)):
            result.token_counts[index] = len(ids)
            if len(ids) > most and options.truncation is Truncation.ERROR:
                result.errors[index] = _too_long(index, len(ids), most)
                continue
            result.truncated[index] = len(ids) > most
            if key not in rows:
                cut = self._engine.cut(ids, options.truncation is Truncation.START) if len(ids) > most else ids
                waiting[key] = cut
        if not waiting:
            return
        fresh = await self._compute(waiting, options, result)
        rows.update(fresh)
        if self._cache is not None and options.cache is not CacheUse.BYPASS:
            await self._cache.put_many({key: row.astype("<f2").tobytes() for key, row in fresh.items()})

    async def _compute(
        self, waiting: Mapping[str, TokenIds], options: EmbedOptions, result: Embedded
    ) -> dict[str, Matrix]:
        """Vectors by key; a text that is already being embedded for another caller is not embedded twice."""
        submitted = []
        pending: dict[str, asyncio.Future[Matrix]] = {}
        try:
            for key, ids in waiting.items():
                future = self._in_flight.get(key)
                if future is None or future.cancelled():
                    text = self._batcher.submit(ids, options.lane, options.remaining_s)
                    submitted.append((key, text))
                    future = self._in_flight[key] = text.answer
                pending[key] = future
            vectors = await asyncio.gather(*(asyncio.shield(future) for future in pending.values()))
        except BaseException:
            for _, text in submitted:
                text.answer.cancel()  # nobody waits any more: the batcher drops it
            raise
        finally:
            for key, text in submitted:
                if self._in_flight.get(key) is text.answer:
                    del self._in_flight[key]
        spans = {text.began_at: text.inference_s for _, text in submitted}
        result.inference_s = sum(spans.values())
        result.queue_s = max((text.began_at - text.queued_at for _, text in submitted), default=0.0)
        return dict(zip(pending, vectors, strict=True))

    async def _cached(self, keys: list[str], use: CacheUse) -> dict[str, Matrix]:
        if self._cache is None or use is not CacheUse.USE:
            return {}
        found = await self._cache.get_many(keys)
        return {key: np.frombuffer(value, "<f2").astype(np.float32) for key, value in found.items()}

    async def _tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        if len(texts) <= INLINE_TEXTS:
            return self._engine.tokenize(texts)
        return await asyncio.to_thread(self._engine.tokenize, texts)

    def _key(self, text: str, truncation: Truncation) -> str:
        digest = hashlib.blake2b(f"{truncation.value}\0{text}".encode(), digest_size=16).hexdigest()
        return f"emb:{self.card.model_id}-{self.card.fingerprint}:{NORM_VERSION}:f16:{digest}"

    def _check_dimensions(self, wanted: int) -> int:
        if wanted > self.card.dimensions:
            violation = FieldViolation("dimensions", f"model {self.card.model_id} has {self.card.dimensions}")
            raise InvalidInput(f"{wanted} dimensions are more than the model has", [violation])
        return wanted or self.card.dimensions


def _sliced(vectors: Matrix, width: int) -> Matrix:
    """The first `width` numbers of each row, of unit length again; rows of zeros stay."""
    cut = vectors[:, :width]
    lengths = np.linalg.norm(cut, axis=1, keepdims=True)
    return np.asarray(np.divide(cut, lengths, out=np.zeros_like(cut), where=lengths > 0), np.float32)


def _too_long(index: int, count: int, most: int) -> TextTooLong:
    message = f"text {index} has {count} tokens; the model takes {most}"
    return TextTooLong(message, [FieldViolation(f"texts[{index}]", message)])
