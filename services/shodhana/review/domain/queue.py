"""Cases, leases, decisions, and the port of the queue."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol

from shodhana.errors import AlreadyExists, FailedPrecondition, FieldViolation, InvalidInput, NotFound


class CaseNotFound(NotFound):
    """No case of that number."""


class LeaseLost(FailedPrecondition):
    """The lease passed to another holder or ended; what was sent is kept as a draft."""

    reason = "LEASE_LOST"


class CaseStateWrong(FailedPrecondition):
    """The case is in a state that the call does not apply to."""

    reason = "CASE_STATE"


class UndoWindowClosed(FailedPrecondition):
    """The time in which the decision may be undone has passed."""

    reason = "UNDO_WINDOW_CLOSED"


class RequestIdReused(AlreadyExists):
    """The same request id came with other content."""

    reason = "REQUEST_ID_REUSED"


class TextMissing(InvalidInput):
    """The verdict needs a text."""

    def __init__(self) -> None:
        message = "verdict CORRECT needs the right text"
        super().__init__(message, [FieldViolation("decided_text", message)])


class State(Enum):
    """State of a case."""

    PENDING = "pending"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    REJECTED = "rejected"
    NEEDS_REVISION = "needs_revision"
    EXPERT_ESCALATION = "expert_escalation"


class Verdict(Enum):
    """What an expert says."""

    ACCEPT = "accept"
    CORRECT = "correct"
    REJECT = "reject"
    ESCALATE = "escalate"
    SKIP = "skip"

    @property
    def leads_to(self) -> State:
        """The state a case has after it; a skipped case that was escalated goes back to the seniors instead."""
        return _AFTER[self]


_AFTER = {
    Verdict.ACCEPT: State.APPROVED,
    Verdict.CORRECT: State.APPROVED,
    Verdict.REJECT: State.REJECTED,
    Verdict.ESCALATE: State.EXPERT_ESCALATION,
    Verdict.SKIP: State.PENDING,
}


@dataclass(frozen=True, slots=True)
class NewCase:
    """A case to queue; `body` is the contract's message, unread. `boost` 0 to 9 tenths of the SLA."""

    domain: str
    heard: str
    filename: str
    body: bytes
    boost: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided."""

    decision_id: int
    verdict: Verdict
    decision_type: str
    decided_text: str
    comment: str
    expert: str
    created_at: datetime
    undone_at: datetime | None


@dataclass(frozen=True, slots=True)
class Case:
    """A case as it is now, with its last decision."""

    case_id: int
    state: State
    domain: str
    body: bytes
    created_at: datetime
    due_at: datetime
    rank_at: datetime
    holder: str | None
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to decide a case until a time on the database's clock."""

    case_id: int
    fence: int
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """Who wants how many cases, of which domains (none: all), for how long; the same `claim_id` takes once."""

    count: int
    domains: tuple[str, ...]
    expert: str
    lease_s: float
    claim_id: str
    with_escalated: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What an expert sends for a case they hold."""

    case_id: int
    fence: int
    verdict: Verdict
    decision_type: str
    decided_text: str
    comment: str
    expert: str
    request_id: str


@dataclass(frozen=True, slots=True)
class CaseQuery:
    """Which cases, in the order of the queue."""

    states: tuple[State, ...]
    domains: tuple[str, ...] = ()
    filename: str = ""
    after: tuple[datetime, int] | None = None
    limit: int = 20


@dataclass(frozen=True, slots=True)
class ExpertStatistics:
    """What one expert decided."""

    expert: str
    decision_count: int
    accept_count: int
    correct_count: int
    reject_count: int
    median_s: float | None


@dataclass(frozen=True, slots=True)
class Statistics:
    """The queue now, and what was decided in a period. `domains`: (waiting, decided) by domain."""

    counts: dict[State, int]
    oldest_pending: timedelta | None
    overdue_count: int
    experts: tuple[ExpertStatistics, ...]
    domains: dict[str, tuple[int, int]]


class CaseChanges(Protocol):
    """Tells what changes in the queue, whoever changes it."""

    def watch(self) -> AbstractAsyncContextManager[asyncio.Queue[int | None]]:
        """Ids of cases that changed; None after a gap."""
        ...


class ReviewQueue(Protocol):
    """Where cases are kept."""

    async def add(self, cases: Sequence[NewCase], request_id: str) -> list[int]:
        """Adds nothing where the request was repeated. Raises RequestIdReused where it came with other cases."""
        ...

    async def case(self, case_id: int) -> Case: ...

    async def find(self, query: CaseQuery) -> list[Case]: ...

    async def claim(self, claim: Claim) -> list[tuple[Case, Lease]]:
        """The most urgent first; for a repeated claim those of its cases that are still held."""
        ...

    async def prolong(self, leases: Sequence[Lease], expert: str, lease_s: float) -> list[Lease]:
        """Those still held, with their new ends."""
        ...

    async def decide(self, answer: Answer) -> Case:
        """A repeated request gets what it was answered first. Raises LeaseLost, RequestIdReused, CaseNotFound."""
        ...

    async def undo(self, case_id: int, expert: str, window_s: float, request_id: str) -> Case:
        """As `decide` when repeated. Raises UndoWindowClosed, CaseStateWrong, RequestIdReused, CaseNotFound."""
        ...

    async def sweep(self) -> int:
        """Returns cases whose lease ended to the queue; says how many."""
        ...

    async def counts(self) -> dict[State, int]: ...

    async def pending_by_domain(self) -> dict[str, int]: ...

    async def statistics(self, days: int) -> Statistics: ...
