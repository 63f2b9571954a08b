"""Hybrid search: exact and alias hits, lexical similarity, phonetic vectors, and meaning in context."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shodhana.errors import Unavailable

from .index import Matrix, Model, Path, VectorIndex
from .lexicon import Entry
from .lookup import LoadedVersion

LEXICAL_SHARE, PHONETIC_SHARE = 0.6, 0.4
SEMANTIC_SHARE = 0.15  # of the score, where there is a context
ALIAS_SCORE = 0.98
FOLDED_ALIAS = 0.95  # score of the reason where the spelling itself is not listed
NEAREST = 30  # entries each leg brings in
RRF_K = 60


class Mode(Enum):
    """Which legs are used."""

    HYBRID = "hybrid"
    PHONETIC = "phonetic"
    SEMANTIC = "semantic"
    LEXICAL = "lexical"


class Fusion(Enum):
    """How the legs become one score."""

    WEIGHTED = "weighted"
    RRF = "rrf"


class Kind(Enum):
    """What a reason compares."""

    EXACT = "exact"
    ALIAS = "alias"
    PHONETIC = "phonetic"
    LEXICAL = "lexical"
    SEMANTIC = "semantic"


@dataclass(frozen=True, slots=True)
class Condition:
    """A field of the entry equal to one of some values."""

    field: str
    any_of: tuple[str, ...]

    def holds(self, entry: Entry) -> bool:
        return getattr(entry, self.field) in self.any_of


@dataclass(frozen=True, slots=True)
class Filter:
    """All of `must`, one of `should` where there are any, none of `must_not`."""

    must: tuple[Condition, ...] = ()
    should: tuple[Condition, ...] = ()
    must_not: tuple[Condition, ...] = ()

    def eligible(self, entries: Mapping[int, Entry]) -> list[int] | None:
        """Ids of the entries that pass; None for all."""
        if not (self.must or self.should or self.must_not):
            return None
        return [entry_id for entry_id, entry in entries.items() if self.passes(entry)]

    def passes(self, entry: Entry) -> bool:
        return (
            all(condition.holds(entry) for condition in self.must)
            and (not self.should or any(condition.holds(entry) for condition in self.should))
            and not any(condition.holds(entry) for condition in self.must_not)
        )


@dataclass(frozen=True, slots=True)
class Query:
    """A heard form and the words around it, with `___` in its place."""

    heard: str
    context: str = ""


@dataclass(frozen=True, slots=True)
class Options:
    """How to search."""

    limit: int = 5
    score_threshold: float = 0.0
    filter: Filter = field(default_factory=Filter)
    mode: Mode = Mode.HYBRID
    fusion: Fusion = Fusion.WEIGHTED
    exact: bool = False
    group_by: str = ""
    group_size: int = 1


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an entry was found; `score` 0 to 1."""

    kind: Kind
    score: float
    text: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry that may be meant. `score` 0 to 1 is a similarity, no probability."""

    entry: Entry
    score: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """Candidates for each query, best first, and how they were found."""

    lists: tuple[tuple[Candidate, ...], ...]
    path: Path | None
    compared: int
    degraded: bool
    eligible_count: int


class VectorsMissing(Unavailable):
    """No vectors now: the embedding service is down, or the version's own are still being computed."""


class Vectorizer(Protocol):
    """Texts to unit vectors."""

    async def vectors(self, model: Model, texts: Sequence[str], bulk: bool = False) -> Matrix:
        """(n, 384). Raises VectorsMissing."""
        ...

    async def fingerprint(self, model: Model) -> str:
        """What the model's vectors compare with. Raises VectorsMissing."""
        ...


@dataclass(slots=True)
class _Legs:
    """What each leg found for one query, by entry."""

    exact: set[int] = field(default_factory=set)
    alias: set[int] = field(default_factory=set)
    lexical: dict[int, float] = field(default_factory=dict)
    phonetic: dict[int, float] = field(default_factory=dict)
    semantic: dict[int, float] = field(default_factory=dict)


class Searcher:
    """Searches one version. Without a vectorizer, or while it fails, by spelling alone."""

    def __init__(self, loaded: LoadedVersion, index: VectorIndex | None, vectorizer: Vectorizer | None) -> None:
        self._loaded = loaded
        self._index = index
        self._vectorizer = vectorizer

    async def search(self, queries: Sequence[Query], options: Options) -> Found:
        """Candidates in the order of the queries."""
        eligible = options.filter.eligible(self._loaded.entries)
        legs = [_Legs() for _ in queries]
        path: Path | None = None
        compared, degraded = 0, False
        if options.mode in (Mode.HYBRID, Mode.LEXICAL):
            await asyncio.to_thread(self._spelling, queries, legs, eligible)
        if options.mode is not Mode.LEXICAL and self._vectorizer is not None:
            try:
                path, compared = await self._vector_legs(queries, legs, options, eligible)
            except VectorsMissing:
                degraded = True
        lists = tuple(self._ranked(query, leg, options) for query, leg in zip(queries, legs, strict=True))
        count = len(self._loaded.entries) if eligible is None else len(eligible)
        return Found(lists, path, compared, degraded, count)

    def _spelling(self, queries: Sequence[Query], legs: list[_Legs], eligible: list[int] | None) -> None:
        loaded = self._loaded
        allowed = None if eligible is None else set(eligible)
        columns = None if eligible is None else np.flatnonzero(np.isin(loaded.form_entries, eligible))
        similarities = loaded.lexical([query.heard for query in queries])
        for query, leg, row in zip(queries, legs, similarities, strict=True):
            leg.exact = {found for found in loaded.exact(query.heard) if allowed is None or found in allowed}
            leg.alias = {found for found in loaded.aliases(query.heard) if allowed is None or found in allowed}
            leg.lexical = _best_forms(row, loaded.form_entries, columns)

    async def _vector_legs(
        self, queries: Sequence[Query], legs: list[_Legs], options: Options, eligible: list[int] | None
    ) -> tuple[Path | None, int]:
        if self._index is None or self._vectorizer is None:
            raise VectorsMissing("the version's vectors are not loaded")
        model = Model.SEMANTIC if options.mode is Mode.SEMANTIC else Model.PHONETIC
        texts = list(dict.fromkeys(query.heard for query in queries))
        vectors = await self._vectorizer.vectors(model, texts)
        places = {text: place for place, text in enumerate(texts)}
        found = await self._index.nearest(model, vectors, max(NEAREST, options.limit), eligible, options.exact)
        for query, leg in zip(queries, legs, strict=True):
            near = found.lists[places[query.heard]]
            target = leg.semantic if model is Model.SEMANTIC else leg.phonetic
            target.update((neighbour.entry_id, max(0.0, neighbour.cosine)) for neighbour in near)
        if options.mode is Mode.HYBRID:
            await self._meaning(queries, legs, eligible, options)
        return found.path, found.compared

    async def _meaning(
        self, queries: Sequence[Query], legs: list[_Legs], eligible: list[int] | None, options: Options
    ) -> None:
        contexts = list(dict.fromkeys(query.context for query in queries if query.context))
        if not contexts or self._index is None or self._vectorizer is None:
            return
        vectors = await self._vectorizer.vectors(Model.SEMANTIC, [c.replace("___", "…") for c in contexts])
        for query, leg in zip(queries, legs, strict=True):
            if query.context:
                row = vectors[contexts.index(query.context)][None]
                wanted = sorted(leg.lexical.keys() | leg.phonetic.keys())
                near = await self._index.nearest(Model.SEMANTIC, row, len(wanted), wanted, True)
                leg.semantic = {found.entry_id: max(0.0, found.cosine) for found in near.lists[0]}

    def _ranked(self, query: Query, legs: _Legs, options: Options) -> tuple[Candidate, ...]:
        ids = legs.exact | legs.alias | legs.lexical.keys() | legs.phonetic.keys() | legs.semantic.keys()
        fused = _reciprocal_ranks(legs) if options.fusion is Fusion.RRF else None
        candidates = [self._candidate(entry_id, query, legs, options, fused) for entry_id in ids]
        kept = [candidate for candidate in candidates if candidate.score >= options.score_threshold]
        kept.sort(key=lambda candidate: (-candidate.score, candidate.entry.term, candidate.entry.entry_id))
        return tuple(_grouped(kept, options)[: options.limit])

    def _candidate(
        self, entry_id: int, query: Query, legs: _Legs, options: Options, fused: Mapping[int, float] | None
    ) -> Candidate:
        entry = self._loaded.entries[entry_id]
        score = fused[entry_id] if fused is not None else _weighted(entry_id, legs, options.mode, bool(query.context))
        if entry_id in legs.exact:
            score = 1.0
        elif entry_id in legs.alias:
            score = max(score, ALIAS_SCORE)
        return Candidate(entry, min(1.0, score), tuple(_reasons(entry, query, legs)))


def _weighted(entry_id: int, legs: _Legs, mode: Mode, has_context: bool) -> float:
    lexical, phonetic = legs.lexical.get(entry_id, 0.0), legs.phonetic.get(entry_id, 0.0)
    if mode is Mode.SEMANTIC:
        return legs.semantic.get(entry_id, 0.0)
    if mode is Mode.PHONETIC:
        return phonetic
    if mode is Mode.LEXICAL or not legs.phonetic:
        score = lexical
    else:
        score = LEXICAL_SHARE * lexical + PHONETIC_SHARE * phonetic
    if has_context and legs.semantic:
        score = (1 - SEMANTIC_SHARE) * score + SEMANTIC_SHARE * legs.semantic.get(entry_id, 0.0)
    return score


def _reciprocal_ranks(legs: _Legs) -> dict[int, float]:
    """Sum of 1/(k + rank) over the legs, scaled so that first everywhere is 1."""
    used = [leg for leg in (legs.lexical, legs.phonetic, legs.semantic) if leg]
    total = dict.fromkeys(legs.exact | legs.alias, 0.0)
    for leg in used:
        for rank, entry_id in enumerate(sorted(leg, key=lambda found: -leg[found]), 1):
            total[entry_id] = total.get(entry_id, 0.0) + (RRF_K + 1) / (RRF_K + rank) / len(used)
    return total


def _best_forms(
    row: NDArray[np.float32], form_entries: NDArray[np.int64], columns: NDArray[np.int64] | None
) -> dict[int, float]:
    """The best form of each of the nearest entries."""
    rows = np.arange(len(row)) if columns is None else columns
    values = row[rows]
    if len(rows) > 4 * NEAREST:
        nearest = np.argpartition(values, -4 * NEAREST)[-4 * NEAREST :]
        rows, values = rows[nearest], values[nearest]
    best: dict[int, float] = {}
    for place in np.argsort(values)[::-1]:
        best.setdefault(int(form_entries[rows[place]]), float(values[place]))
    return best


def _grouped(candidates: list[Candidate], options: Options) -> list[Candidate]:
    if not options.group_by:
        return candidates
    seen: Counter[str] = Counter()
    kept = []
    for candidate in candidates:
        group = getattr(candidate.entry, options.group_by)
        seen[group] += 1
        if seen[group] <= options.group_size:
            kept.append(candidate)
    return kept


def _reasons(entry: Entry, query: Query, legs: _Legs) -> list[Reason]:
    entry_id = entry.entry_id
    reasons = []
    if entry_id in legs.exact:
        reasons.append(Reason(Kind.EXACT, 1.0, "spelled as in the glossary"))
    elif entry_id in legs.alias:
        heard = query.heard.casefold()
        if heard in entry.aliases:
            reasons.append(Reason(Kind.ALIAS, 1.0, f"a popular spelling of {entry.term}"))
        else:
            reasons.append(Reason(Kind.ALIAS, FOLDED_ALIAS, "differs by popular spelling only"))
    if entry_id in legs.phonetic:
        reasons.append(
            Reason(Kind.PHONETIC, legs.phonetic[entry_id], f"sounds like it ({legs.phonetic[entry_id]:.2f})")
        )
    if entry_id in legs.lexical:
        reasons.append(Reason(Kind.LEXICAL, legs.lexical[entry_id], f"spelled like it ({legs.lexical[entry_id]:.2f})"))
    if entry_id in legs.semantic:
        reasons.append(
            Reason(Kind.SEMANTIC, legs.semantic[entry_id], f"fits the context ({legs.semantic[entry_id]:.2f})")
        )
    return sorted(reasons, key=lambda reason: -reason.score)
