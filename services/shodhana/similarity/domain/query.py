"""What is searched for, how, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from shodhana.errors import Unavailable

from .index import Matrix, Model, Path
from .lexicon import Entry


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
    SOUND = "sound"
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

    def with_lists(self, places: Sequence[int], other: Found) -> Found:
        """The lists at these places replaced by those of another search."""
        lists = list(self.lists)
        for place, listed in zip(places, other.lists, strict=True):
            lists[place] = listed
        return Found(tuple(lists), self.path, self.compared + other.compared, self.degraded or other.degraded)


class VectorsMissing(Unavailable):
    """No vectors now: the embedding service is down, or the version's own are still being computed."""


class Vectorizer(Protocol):
    """Texts to unit vectors."""

    async def vectors(self, model: Model, texts: Sequence[str], fingerprint: str, bulk: bool = False) -> Matrix:
        """(n, 384) of the model of this fingerprint; vectors of another do not compare. Raises VectorsMissing."""
        ...

    async def fingerprints(self) -> dict[Model, str]:
        """What each model's vectors compare with now. Raises VectorsMissing where a model is not there."""
        ...
