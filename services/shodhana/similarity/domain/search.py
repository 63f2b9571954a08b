"""Hybrid search: exact and alias hits, lexical similarity, phonetic vectors, and meaning in context."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from .index import Model, VectorIndex
from .lookup import LoadedVersion
from .memory import LegMemory
from .query import Candidate, Found, Fusion, Mode, Options, Query, Vectorizer, VectorsMissing
from .ranking import Legs, best_forms, grouped, reasons_of, reciprocal_ranks, weighted

ALIAS_SCORE = 0.98
NEAREST = 30  # entries each leg brings in
SPELLING_SCOPE = "spelling"
SCORE_DIGITS = 4  # what is beyond is rounding, which differs between a batch and a single query


class Searcher:
    """Searches one version. Without a vectorizer, or while it fails, by spelling alone."""

    def __init__(
        self,
        loaded: LoadedVersion,
        index: VectorIndex | None,
        vectorizer: Vectorizer | None,
        fingerprints: Mapping[Model, str] | None = None,
        memory: LegMemory | None = None,
    ) -> None:
        self._loaded = loaded
        self._index = index
        self._vectorizer = vectorizer
        self._fingerprints = fingerprints or {}
        self._memory = memory or LegMemory()

    @property
    def scope(self) -> str:
        """Names the models it searches with: what it finds stays true for this version and scope."""
        if self._vectorizer is None:
            return SPELLING_SCOPE
        return "+".join(f"{model.value}@{fingerprint}" for model, fingerprint in self._fingerprints.items())

    async def search(self, queries: Sequence[Query], options: Options) -> Found:
        """Candidates in the order of the queries; as many as asked for where so many pass the filter."""
        eligible = options.filter.eligible(self._loaded.entries)
        count = len(self._loaded.entries) if eligible is None else len(eligible)
        wanted = max(NEAREST, options.limit)
        found = await self._search(queries, options, eligible, wanted)
        while options.group_by and wanted < count:  # the nearest may all be of a few groups
            short = [place for place, listed in enumerate(found.lists) if len(listed) < options.limit]
            if not short:
                break
            wanted *= 4
            more = await self._search([queries[place] for place in short], options, eligible, wanted)
            found = found.with_lists(short, more)
        return found

    async def _search(
        self, queries: Sequence[Query], options: Options, eligible: list[int] | None, wanted: int
    ) -> Found:
        heard = list(dict.fromkeys(query.heard for query in queries))
        way = (self.scope, options.mode, wanted)
        is_plain = eligible is None and not options.exact
        known = self._memory.known(heard, way) if is_plain else {}
        found, compared, degraded = await self._hear(
            [word for word in heard if word not in known], options, eligible, wanted
        )
        if is_plain and not degraded:
            self._memory.keep(found, way)
        known |= found
        legs = [replace(known[query.heard]) for query in queries]
        if options.mode is Mode.HYBRID and not degraded:
            try:
                await self._meaning(queries, legs, eligible, options)
            except VectorsMissing:
                degraded = True
        lists = await asyncio.to_thread(self._rank_all, queries, legs, options)
        return Found(lists, next((leg.path for leg in legs if leg.path), None), compared, degraded)

    async def _hear(
        self, heard: Sequence[str], options: Options, eligible: list[int] | None, wanted: int
    ) -> tuple[dict[str, Legs], int, bool]:
        """What sound and spelling find, whatever the context; of how many vectors, and whether any were missing."""
        legs = [Legs() for _ in heard]
        compared, degraded = 0, False
        by_spelling = options.mode in (Mode.HYBRID, Mode.LEXICAL)
        if by_spelling:
            await asyncio.to_thread(self._spelling, heard, legs, eligible, wanted)
        if heard and options.mode is not Mode.LEXICAL and self._vectorizer is not None:
            try:
                compared = await self._vector_legs(heard, legs, options, eligible, wanted)
            except VectorsMissing:
                degraded = True
        if by_spelling:
            await asyncio.to_thread(self._sounds, heard, legs)
        return dict(zip(heard, legs, strict=True)), compared, degraded

    def eligible_count(self, options: Options) -> int:
        """Entries that pass the filter."""
        eligible = options.filter.eligible(self._loaded.entries)
        return len(self._loaded.entries) if eligible is None else len(eligible)

    def _rank_all(
        self, queries: Sequence[Query], legs: Sequence[Legs], options: Options
    ) -> tuple[tuple[Candidate, ...], ...]:
        return tuple(self._ranked(query, leg, options) for query, leg in zip(queries, legs, strict=True))

    def _spelling(self, heard: Sequence[str], legs: list[Legs], eligible: list[int] | None, wanted: int) -> None:
        loaded = self._loaded
        allowed = None if eligible is None else set(eligible)
        columns = None if eligible is None else np.flatnonzero(np.isin(loaded.form_entries, eligible))
        for word, leg, row in zip(heard, legs, loaded.lexical(heard), strict=True):
            leg.exact = {found for found in loaded.exact(word) if allowed is None or found in allowed}
            leg.alias = {found for found in loaded.aliases(word) if allowed is None or found in allowed}
            leg.lexical = best_forms(row, loaded.form_entries, columns, wanted)

    def _sounds(self, heard: Sequence[str], legs: list[Legs]) -> None:
        near = [leg.exact | leg.alias | leg.lexical.keys() | leg.phonetic.keys() for leg in legs]
        for leg, sound in zip(legs, self._loaded.sounds(heard, near), strict=True):
            leg.sound = sound

    async def _vector_legs(
        self, heard: Sequence[str], legs: list[Legs], options: Options, eligible: list[int] | None, wanted: int
    ) -> int:
        if self._index is None or self._vectorizer is None:
            raise VectorsMissing("the version's vectors are not loaded")
        model = Model.SEMANTIC if options.mode is Mode.SEMANTIC else Model.PHONETIC
        if model not in self._fingerprints:
            raise VectorsMissing(f"the version's {model.value} vectors are not loaded")
        vectors = await self._vectorizer.vectors(model, heard, self._fingerprints.get(model, ""))
        found = await self._index.nearest(model, vectors, wanted, eligible, options.exact)
        for leg, near in zip(legs, found.lists, strict=True):
            target = leg.semantic if model is Model.SEMANTIC else leg.phonetic
            target.update((neighbour.entry_id, _share(neighbour.cosine)) for neighbour in near)
            leg.path = found.path
        return found.compared

    async def _meaning(
        self, queries: Sequence[Query], legs: list[Legs], eligible: list[int] | None, options: Options
    ) -> None:
        contexts = list(dict.fromkeys(query.context for query in queries if query.context))
        if not contexts or self._index is None or self._vectorizer is None or Model.SEMANTIC not in self._fingerprints:
            return
        texts = [context.replace("___", "…") for context in contexts]
        vectors = await self._vectorizer.vectors(Model.SEMANTIC, texts, self._fingerprints.get(Model.SEMANTIC, ""))
        places = {context: place for place, context in enumerate(contexts)}
        for query, leg in zip(queries, legs, strict=True):
            if query.context:
                row = vectors[places[query.context]][None]
                wanted = sorted(leg.lexical.keys() | leg.phonetic.keys())
                near = await self._index.nearest(Model.SEMANTIC, row, len(wanted), wanted, True)
                leg.semantic = {found.entry_id: _share(found.cosine) for found in near.lists[0]}

    def _ranked(self, query: Query, legs: Legs, options: Options) -> tuple[Candidate, ...]:
        scores = self._scores(query, legs, options)
        entries = self._loaded.entries
        kept = [(-score, entries[found].term, found) for found, score in scores if score >= options.score_threshold]
        best = grouped([entries[entry_id] for _, _, entry_id in sorted(kept)], options)[: options.limit]
        known = dict(scores)
        return tuple(Candidate(entry, known[entry.entry_id], tuple(reasons_of(entry, query, legs))) for entry in best)

    def _scores(self, query: Query, legs: Legs, options: Options) -> list[tuple[int, float]]:
        ids = legs.exact | legs.alias | legs.lexical.keys() | legs.phonetic.keys() | legs.semantic.keys()
        fused = reciprocal_ranks(legs) if options.fusion is Fusion.RRF else None
        scores = []
        for entry_id in ids:
            if entry_id in legs.exact:
                score = 1.0
            else:
                score = fused[entry_id] if fused else weighted(entry_id, legs, options.mode, bool(query.context))
                if entry_id in legs.alias:
                    score = max(score, ALIAS_SCORE)
            scores.append((entry_id, round(min(1.0, score), SCORE_DIGITS)))
        return scores


def _share(cosine: float) -> float:
    """A cosine as a similarity from 0 to 1; rounding can take it just past 1."""
    return min(1.0, max(0.0, cosine))
