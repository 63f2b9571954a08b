"""Embeds lists of texts with one model: tokens, cache, batches."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Collection, Mapping, Sequence

from shodhana.errors import FieldViolation, InvalidInput

from .batcher import Batcher, Waiting
from .engine import Engine, Matrix, ModelCard, TokenIds
from .rows import PACKING, Row, VectorCache, packed, sliced, stacked
from .values import CacheUse, Embedded, EmbedOptions, TextTooLong, Timings, Truncation

NORM_VERSION = 1  # of what is done to a text before it is embedded; part of the cache key
INLINE_CHARACTERS = 4096  # more than that are tokenized off the loop


class Embedder:
    """One model with its batcher and cache."""

    def __init__(self, engine: Engine, batcher: Batcher, cache: VectorCache | None) -> None:
        self.card: ModelCard = engine.card
        self._engine = engine
        self._batcher = batcher
        self._cache = cache
        self._key_prefix = f"emb:{self.card.model_id}-{self.card.fingerprint}:{NORM_VERSION}:{PACKING}:"
        self._in_flight: dict[str, Waiting] = {}

    async def token_counts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens included."""
        return [len(ids) for ids in await self._tokenize(texts)]

    async def embed(self, texts: Sequence[str], options: EmbedOptions) -> Embedded:
        """Vectors in the order of the texts. Raises QueueFull, InvalidInput for too many dimensions."""
        began = time.perf_counter()
        width = self._width(options.dimensions)
        prompted = [f"{options.prompt} {text}" for text in texts] if options.prompt else texts
        keys = [self._key(text, options.truncation) for text in prompted]
        known = await self._cached(keys, options.cache)
        missing = {key: text for key, text in zip(keys, prompted, strict=True) if key not in known}
        fresh, timings = await self._fresh(missing, options) if missing else ({}, Timings())
        vectors, tokens = stacked(keys, known, fresh, self.card.dimensions)
        long = [place for place, count in enumerate(tokens) if count > self.card.max_tokens]
        refused = long if options.truncation is Truncation.ERROR else []
        vectors[refused] = 0
        return Embedded(
            vectors=sliced(vectors, width),
            token_counts=tokens,
            truncated=_flags(len(keys), set(long) - set(refused)),
            cached=[key in known and place not in refused for place, key in enumerate(keys)],
            errors={place: TextTooLong(place, tokens[place], self.card.max_tokens) for place in refused},
            timings=timings,
            total_s=time.perf_counter() - began,
        )

    async def _fresh(self, texts: Mapping[str, str], options: EmbedOptions) -> tuple[dict[str, Row], Timings]:
        """Rows of texts by key, computed now; no vector for one that is too long where that is an error."""
        ids = dict(zip(texts, await self._tokenize(list(texts.values())), strict=True))
        most = self.card.max_tokens
        fitting: dict[str, TokenIds] = {}
        for key, tokens in ids.items():
            if len(tokens) <= most:
                fitting[key] = tokens
            elif options.truncation is not Truncation.ERROR:
                fitting[key] = self._engine.cut(tokens, options.truncation is Truncation.START)
        vectors, timings = await self._computed(fitting, options) if fitting else ({}, Timings())
        if self._cache is not None and options.cache is not CacheUse.BYPASS:
            await self._cache.put_many({key: packed(vector, len(ids[key])) for key, vector in vectors.items()})
        return {key: Row(vectors.get(key), len(tokens)) for key, tokens in ids.items()}, timings

    async def _computed(
        self, wanted: Mapping[str, TokenIds], options: EmbedOptions
    ) -> tuple[dict[str, Matrix], Timings]:
        """Vectors by key. What is being computed for another caller is not computed twice."""
        joined: dict[str, Waiting] = {}
        try:
            for key, ids in wanted.items():
                joined[key] = self._join(key, ids, options)
            answers = [waiting.answer for waiting in joined.values()]
            done, _ = await asyncio.wait(answers, return_when=asyncio.FIRST_EXCEPTION)
            for answer in done:
                answer.result()
        finally:
            for key, waiting in joined.items():
                self._batcher.leave(waiting)
                if waiting.answer.done() and self._in_flight.get(key) is waiting:
                    del self._in_flight[key]
        return {key: waiting.answer.result() for key, waiting in joined.items()}, _timings(joined.values())

    def _join(self, key: str, ids: TokenIds, options: EmbedOptions) -> Waiting:
        waiting = self._in_flight.get(key)
        if waiting is None or waiting.answer.done():
            waiting = self._in_flight[key] = self._batcher.submit(ids, options.lane, options.remaining_s)
        else:
            self._batcher.join(waiting, options.lane)
        return waiting

    async def _cached(self, keys: Sequence[str], use: CacheUse) -> dict[str, bytes]:
        if self._cache is None or use is not CacheUse.USE:
            return {}
        return await self._cache.get_many(keys)

    async def _tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        if sum(map(len, texts)) <= INLINE_CHARACTERS:
            return self._engine.tokenize(texts)
        return await asyncio.to_thread(self._engine.tokenize, texts)

    def _key(self, text: str, truncation: Truncation) -> str:
        """Texts that are cut at the end, or not at all, share a key."""
        kept = b"end\0" if truncation is Truncation.START else b"start\0"
        return self._key_prefix + hashlib.blake2b(kept + text.encode(), digest_size=16).hexdigest()

    def _width(self, wanted: int) -> int:
        if wanted > self.card.dimensions:
            violation = FieldViolation("dimensions", f"model {self.card.model_id} has {self.card.dimensions}")
            raise InvalidInput(f"{wanted} dimensions are more than the model has", [violation])
        return wanted or self.card.dimensions


def _timings(waited: Collection[Waiting]) -> Timings:
    batches = {waiting.began_at: waiting.inference_s for waiting in waited}
    longest = max(waiting.began_at - waiting.queued_at for waiting in waited)
    return Timings(max(0.0, longest), sum(batches.values()))


def _flags(count: int, raised: Collection[int]) -> list[bool]:
    return [place in raised for place in range(count)] if raised else [False] * count
