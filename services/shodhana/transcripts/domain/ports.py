"""What the correction needs of the other services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from shodhana.errors import NotFound, Unavailable

from .formats import Cue


class ServiceMissing(Unavailable):
    """A service the correction asks does not answer."""


class VersionNotFound(NotFound):
    """The lexicon version asked for does not exist."""


class Evidence(Enum):
    """What speaks for a candidate."""

    EXACT = "exact"
    ALIAS = "alias"
    PHONETIC = "phonetic"
    LEXICAL = "lexical"
    SOUND = "sound"
    SEMANTIC = "semantic"


@dataclass(frozen=True, slots=True)
class Heard:
    """Words as heard and the words around them, with `___` in their place."""

    text: str
    context: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A term that may be meant. `score` 0 to 1 is a similarity."""

    term: str
    domain: str
    gloss: str
    devanagari: str
    score: float
    evidence: dict[Evidence, float]
    reasons: tuple[str, ...]
    anglicised: bool = False


@dataclass(frozen=True, slots=True)
class Candidates:
    """Candidates in the order of what was heard, best first."""

    lists: tuple[tuple[Candidate, ...], ...]
    lexicon_version: str
    degraded: bool


class CandidateSearch(Protocol):
    """Finds terms for heard words."""

    async def find(self, heard: Sequence[Heard], limit: int, lexicon_version: str) -> Candidates:
        """Raises ServiceMissing."""
        ...


class TermStatus(Enum):
    """How a term came to stand in the text."""

    EXACT = "exact"
    CORRECTED = "corrected"
    UNRESOLVED = "unresolved"
    POPULAR = "popular"
    """A known term in a popular spelling, where the text stays as it is."""
    TRANSLITERATED = "transliterated"


@dataclass(frozen=True, slots=True)
class Term:
    """A term in the scored text: cue (1-based), place [start, end) in code points; `expected` would be right there."""

    cue: int
    start: int
    end: int
    status: TermStatus
    probability: float
    expected: str = ""


@dataclass(frozen=True, slots=True)
class ToScore:
    """A corrected transcript and the original."""

    subject: str
    original: tuple[Cue, ...]
    corrected: tuple[str, ...]
    terms: tuple[Term, ...]
    store: bool
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Quality:
    """A quality report. `report` is the service's own message, handed through unread."""

    name: str
    requires_review: bool
    report: Any


class TranscriptScorer(Protocol):
    """Scores transcripts."""

    async def score(self, transcript: ToScore) -> Quality:
        """Raises ServiceMissing."""
        ...


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Text that would stand there, its probability, the candidate, and all the reasons."""

    text: str
    probability: float
    candidate: Candidate
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DoubtfulPlace:
    """A place for an expert to decide."""

    filename: str
    cue: int
    start: int
    end: int
    start_ms: int | None
    heard: str
    context: str
    context_start: int
    suggestions: tuple[Suggestion, ...]
    lexicon_version: str
    boost: int = field(default=0)


@dataclass(frozen=True, slots=True)
class Queued:
    """Names of cases, in the order of the places; how many of them are new."""

    names: tuple[str, ...]
    new_count: int


@dataclass(frozen=True, slots=True)
class Ruling:
    """What experts decided of a case: the text that is right there; None: what was heard is."""

    text: str | None


class ReviewCases(Protocol):
    """What experts are asked, and what they decided."""

    async def create(self, places: Sequence[DoubtfulPlace], request_id: str) -> Queued:
        """Queues places; one that was asked about before keeps its case. Raises ServiceMissing."""
        ...

    async def rulings(self, names: Sequence[str]) -> Mapping[str, Ruling]:
        """Of those cases that are decided, by their names. Raises ServiceMissing."""
        ...
