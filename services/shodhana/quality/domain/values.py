"""What is scored, and what comes of it."""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass, field
from enum import Enum

from shodhana.text.fold import FOLD_VERSION

RULES_VERSION = 3  # raise it with any change of what is counted, and how


class Status(Enum):
    """How a term came to stand in the text."""

    EXACT = "exact"
    CORRECTED = "corrected"
    UNRESOLVED = "unresolved"
    POPULAR = "popular"
    """A known term in a popular spelling: right as a term, not as IAST."""
    TRANSLITERATED = "transliterated"
    """It stood there in Devanagari; judged as any word in IAST is."""


@dataclass(frozen=True, slots=True)
class Cue:
    """One timed line; times in milliseconds, None in plain text."""

    index: int
    start_ms: int | None
    end_ms: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Term:
    """A place the corrector knows: [start, end) code points of the scored cue's text.

    `probability` is that of the term there; of an unresolved one, that any term is meant. `expected` is the spelling
    that the corrector would put there.
    """

    cue: int
    start: int
    end: int
    status: Status
    probability: float
    expected: str = ""


@dataclass(frozen=True, slots=True)
class Transcript:
    """A text to score. `original` is empty where nothing was edited."""

    cues: tuple[Cue, ...]
    original: tuple[Cue, ...] = ()
    terms: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True)
class Weights:
    """Of the parts of the academic score; together 1."""

    iast_compliance: float = 0.4
    sanskrit_accuracy: float = 0.4
    spelling_consistency: float = 0.1
    format_integrity: float = 0.1


@dataclass(frozen=True, slots=True)
class Policy:
    """Thresholds of the gates, weights of the academic score, and what an edit and an unknown form count."""

    min_academic_score: float = 0.85
    iast_compliance_threshold: float = 0.90
    similarity_threshold: float = 0.85
    weights: Weights = field(default_factory=Weights)
    edit_penalty: float = 10.0
    """What the share of edited other words is multiplied by."""
    unknown_form_probability: float = 0.5
    """Of a form in IAST that is well formed, and neither listed nor attested."""

    @property
    def version(self) -> str:
        """Stands for all of it and the rules: a report made under another policy is another report."""
        digest = hashlib.blake2b(repr((FOLD_VERSION, astuple(self))).encode(), digest_size=4).hexdigest()
        return f"{RULES_VERSION}-{digest}"


@dataclass(frozen=True, slots=True)
class Violation:
    """A place that breaks a rule. `expected`: the spellings that would be right, where they are known."""

    rule: str
    cue: int
    start: int
    end: int
    text: str
    description: str
    expected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Doubt:
    """A word that is not surely right: `weight` is how surely it is Sanskrit, `probability` how surely right."""

    cue: int
    start: int
    end: int
    text: str
    weight: float
    probability: float
    reason: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a score comes about: its formula in words, the same in numbers, and what the numbers are made of."""

    score: str
    formula: str
    calculation: str
    note: str = ""


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
    doubts: tuple[Doubt, ...] = ()
    variants: tuple[tuple[str, ...], ...] = ()
    """Spellings of terms that are spelled in more than one way."""
    explanations: tuple[Explanation, ...] = ()
    sanskrit_weight: float = 0.0
    """Sanskrit tokens, each counted as surely as it is Sanskrit."""
    attested_forms: str = ""
    """The list of forms used; empty: what is not listed is unknown."""
    requires_review: bool = False
