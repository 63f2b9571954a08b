"""Translates between the similarity contract and the search."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shodhana.api.similarity.v1 import similarity_pb2 as pb
from shodhana.api.similarity.v1 import similarity_pb2_grpc as grpc_api
from shodhana.runtime import metrics, telemetry
from shodhana.runtime.cache import LayeredCache
from shodhana.runtime.timestamps import duration

from .domain.lexicon import Version
from .domain.library import Library
from .domain.query import Candidate, Found, Query
from .translation import PATHS, candidate_message, options_of, version_id_of

INLINE_QUERIES = 4  # results of more are written off the loop


@dataclass(frozen=True, slots=True)
class SimilarityServicer(grpc_api.SimilarityServiceServicer):
    """Searches, and keeps what it found by version, options and heard form."""

    library: Library
    cache: LayeredCache

    async def Search(self, request: pb.SearchRequest, context: Any) -> pb.SearchResponse:
        batch = await self._search([Query(request.query, request.context)], request.options)
        return pb.SearchResponse(
            candidates=batch.results[0].candidates,
            eligible_count=batch.eligible_count,
            usage=batch.usage,
            degraded=batch.degraded,
            lexicon_version=batch.lexicon_version,
        )

    async def BatchSearch(self, request: pb.BatchSearchRequest, context: Any) -> pb.BatchSearchResponse:
        queries = [Query(query.query, query.context) for query in request.queries]
        return await self._search(queries, request.options)

    async def _search(self, queries: Sequence[Query], message: pb.SearchOptions) -> pb.BatchSearchResponse:
        began = time.perf_counter()
        options = options_of(message)
        use_postgres = message.backend == pb.SEARCH_BACKEND_POSTGRES
        version, searcher = await self.library.searcher(version_id_of(message.lexicon_version), use_postgres)
        scope = f"{version.version_id}@{version.content_hash}:{searcher.scope}"
        keys = _keys(scope, message, queries)
        cached = await self.cache.get_many(keys)
        missing = {key: query for key, query in zip(keys, queries, strict=True) if key not in cached}
        found = await searcher.search(list(missing.values()), options) if missing else None
        fresh: dict[str, bytes] = {}
        if found is not None:
            listed = dict(zip(missing, found.lists, strict=True))
            small = len(listed) <= INLINE_QUERIES
            fresh = _serialized(listed, version) if small else await asyncio.to_thread(_serialized, listed, version)
            if not found.degraded:  # what is found by spelling alone must not outlive the failure
                await self.cache.put_many(fresh)
        known = cached | fresh
        _observe(len(queries), version, found)
        return pb.BatchSearchResponse(
            results=[pb.BatchResult.FromString(known[key]) for key in keys],
            usage=_usage(found, began),
            degraded=found is not None and found.degraded,
            lexicon_version=version.name,
            eligible_count=searcher.eligible_count(options),
        )


def _observe(query_count: int, version: Version, found: Found | None) -> None:
    degraded = found is not None and found.degraded
    metrics.SEARCHES.labels(str(degraded).lower()).inc(query_count)
    telemetry.annotate(query_count=query_count, lexicon_version=version.name, degraded=degraded)


def _usage(found: Found | None, began: float) -> pb.SearchUsage:
    return pb.SearchUsage(
        path=PATHS[found.path if found else None],
        vectors_compared=found.compared if found else 0,
        duration=duration(time.perf_counter() - began),
    )


def _serialized(lists: Mapping[str, Sequence[Candidate]], version: Version) -> dict[str, bytes]:
    return {
        key: pb.BatchResult(
            candidates=[candidate_message(candidate, version) for candidate in candidates]
        ).SerializeToString()
        for key, candidates in lists.items()
    }


def _keys(scope: str, options: pb.SearchOptions, queries: Sequence[Query]) -> list[str]:
    digest = hashlib.blake2b(options.SerializeToString(deterministic=True), digest_size=16)
    return [f"search:{scope}:{_with(digest, query)}" for query in queries]


def _with(digest: hashlib.blake2b, query: Query) -> str:
    full = digest.copy()
    full.update(f"\0{query.heard}\0{query.context}".encode())
    return full.hexdigest()
