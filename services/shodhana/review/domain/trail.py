"""What was done in the queue: for auditors, and for those who learn from decisions."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from .cases import Verdict


class EventKind(Enum):
    """What was done."""

    CREATED = "created"
    CLAIMED = "claimed"
    DECIDED = "decided"
    SKIPPED = "skipped"
    ESCALATED = "escalated"
    EXPIRED = "expired"
    UNDONE = "undone"
    REVOKED = "revoked"
    DISPUTED = "disputed"
    RECONCILED = "reconciled"
    COMMENTED = "commented"
    REFRESHED = "refreshed"
    WITHDRAWN = "withdrawn"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """Something that was done to a case; no actor: the service itself did it."""

    event_id: int
    kind: EventKind
    case_id: int
    actor: str
    decision_id: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which events, newest first."""

    case_id: int | None = None
    actor: str = ""
    kinds: tuple[EventKind, ...] = ()
    before: int | None = None
    limit: int = 20


@dataclass(frozen=True, slots=True)
class Lesson:
    """A decision, or its retraction, that nobody has learned from yet.

    `case_id` is the case read, for a second read too; `corrected` is empty where the case was rejected; `entry` is the
    headword as the expert gave it, else that of the suggestion accepted, else empty. With DISPUTED and RECONCILED the
    decision is the one that brought it about. Cases whose answer is known teach nothing.
    """

    event_id: int
    kind: EventKind
    case_id: int
    decision_id: int
    verdict: Verdict
    domain: str
    heard: str
    corrected: str
    entry: str
    expert: str
    is_adjudication: bool
    body: bytes
    created_at: datetime
    decision_type: str = "lexicon_correction"
    comment: str = ""


class Trail(Protocol):
    """The audit trail."""

    async def events(self, query: EventQuery) -> list[CaseEvent]: ...


class Lessons(Protocol):
    """What is still to be learned."""

    def take(self, limit: int) -> AbstractAsyncContextManager[Sequence[Lesson]]:
        """The oldest lessons that nobody else has taken; gone once the block ends well, there again otherwise."""
        ...
