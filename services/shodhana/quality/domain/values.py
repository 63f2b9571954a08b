"""What is scored, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Status(Enum):
    """How a term came to stand in the text."""

    EXACT = "exact"
    CORRECTED = "corrected"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True, slots=True)
class Cue:
    """One timed line; times in milliseconds, None in plain text."""

    index: int
    start_ms: int | None
    end_ms: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Term:
    """A place the corrector knows: [start, end) code points of the scored cue's text."""

    cue: int
    start: int
    end: int
    status: Status
    probability: float


@dataclass(frozen=True, slots=True)
class Transcript:
    """A text to score. `original` is empty where nothing was edited."""

    cues: tuple[Cue, ...]
    original: tuple[Cue, ...] = ()
    terms: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """Thresholds of the gates and weights of the academic score."""

    min_academic_score: float = 0.85
    iast_compliance_threshold: float = 0.90
    similarity_threshold: float = 0.85
    weights: tuple[float, float, float, float] = (0.4, 0.4, 0.1, 0.1)
    version: str = "2"

    @property
    def key(self) -> str:
        """Stands for all of it: a report made under another policy is another report."""
        thresholds = (self.min_academic_score, self.iast_compliance_threshold, self.similarity_threshold)
        return "-".join(map(str, (self.version, *thresholds, *self.weights)))


@dataclass(frozen=True, slots=True)
class Violation:
    """A place that breaks a rule."""

    rule: str
    cue: int
    start: int
    end: int
    text: str
    description: str


@dataclass(frozen=True, slots=True)
class Scores:
    """Each 0 to 1; None where the text holds no Sanskrit."""

    iast_compliance: float | None = None
    sanskrit_accuracy: float | None = None
    academic_score: float | None = None
    overall_score: float | None = None
    spelling_consistency: float | None = None
    format_integrity: float | None = None
    preservation: float | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition of passing without an expert."""

    gate: str
    passed: bool
    description: str


@dataclass(frozen=True, slots=True)
class Report:
    """The scores of one transcript."""

    scores: Scores
    gates: tuple[Gate, ...]
    violations: tuple[Violation, ...]
    sanskrit_token_count: int
    other_token_count: int
    edited_other_token_count: int
    policy: Policy
    lexicon_version: str
    degraded: bool
    requires_review: bool = field(default=False)
