"""One decision for all waiting cases of a query, after a look at what it would reach."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from .cases import Case, Verdict

MOST_CASES = 10_000
SHOWN = 20


@dataclass(frozen=True, slots=True)
class BulkQuery:
    """Which waiting cases: all conditions hold, and one of `heard` or `filename` is given."""

    heard: str = ""
    filename: str = ""
    domains: tuple[str, ...] = ()
    suggested_term: str = ""
    min_probability: float = 0.0


@dataclass(frozen=True, slots=True)
class BulkAnswer:
    """What an expert wants decided of each."""

    verdict: Verdict
    decision_type: str
    decided_text: str
    decided_term: str
    comment: str
    expert: str


@dataclass(frozen=True, slots=True)
class ReachedCase:
    """A case that the query finds."""

    case_id: int
    domain: str
    filename: str
    heard: str
    suggested_text: str


@dataclass(frozen=True, slots=True)
class Reach:
    """What the decision would do. `changes`: (heard, decided text) and how often; empty text: it stays as heard."""

    case_count: int
    is_truncated: bool
    held_count: int
    file_count: int
    by_domain: dict[str, int]
    changes: tuple[tuple[tuple[str, str], int], ...]


@dataclass(frozen=True, slots=True)
class BulkPreview:
    """What is decided when it is applied, and nothing else."""

    bulk_id: str
    reach: Reach
    sample: tuple[Case, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class BulkDecision:
    """A bulk decision that was carried out."""

    bulk_id: str
    applied_at: datetime
    decided_count: int
    missed_count: int
    undone_count: int


class BulkDecisions(Protocol):
    """Where bulk decisions are previewed and made."""

    async def preview(self, query: BulkQuery, answer: BulkAnswer) -> BulkPreview: ...

    async def apply(self, bulk_id: str, expert: str, request_id: str) -> BulkDecision:
        """Once, however often it is asked. Raises BulkDecisionNotFound, PreviewExpired, RequestIdReused."""
        ...

    async def undo(self, bulk_id: str, expert: str, window_s: float) -> BulkDecision:
        """Raises BulkDecisionNotFound, UndoWindowClosed."""
        ...


def reach_of(found: Sequence[ReachedCase], held_count: int, answer: BulkAnswer) -> Reach:
    """What a decision on the cases found would do; of more than MOST_CASES to the first of them."""
    reached = found[:MOST_CASES]
    changes = Counter((case.heard, _text_after(case, answer)) for case in reached)
    return Reach(
        case_count=len(reached),
        is_truncated=len(found) > MOST_CASES,
        held_count=held_count,
        file_count=len({case.filename for case in reached}),
        by_domain=dict(Counter(case.domain for case in reached)),
        changes=tuple(changes.most_common(SHOWN)),
    )


def _text_after(case: ReachedCase, answer: BulkAnswer) -> str:
    return case.suggested_text if answer.verdict is Verdict.ACCEPT else answer.decided_text
