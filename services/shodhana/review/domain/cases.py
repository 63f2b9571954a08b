"""Cases, leases, decisions."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from .segment_keys import segment_keys

DOMAINS = ("spiritual", "philosophical", "scriptural", "general")


class State(Enum):
    """State of a case."""

    PENDING = "pending"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    REJECTED = "rejected"
    NEEDS_REVISION = "needs_revision"
    EXPERT_ESCALATION = "expert_escalation"
    WITHDRAWN = "withdrawn"


class Verdict(Enum):
    """What an expert says."""

    ACCEPT = "accept"
    CORRECT = "correct"
    REJECT = "reject"
    ESCALATE = "escalate"
    SKIP = "skip"

    @property
    def is_final(self) -> bool:
        """Whether the case is decided by it."""
        return self not in {Verdict.ESCALATE, Verdict.SKIP}


class Order(Enum):
    """An order of cases."""

    QUEUE = "queue"
    LAST_DECIDED = "last_decided"


@dataclass(frozen=True, slots=True)
class FirstSuggestion:
    """What is accepted where a case is accepted; empty where nothing is suggested."""

    text: str = ""
    term: str = ""
    probability: float = 0.0


@dataclass(frozen=True, slots=True)
class NewCase:
    """A case to queue; `body` is the contract's message, unread. `boost` 0 to 9 tenths of the SLA; `reads` 1 or 2."""

    domain: str
    heard: str
    filename: str
    body: bytes
    boost: int = 0
    reads: int = 1
    suggestion: FirstSuggestion = FirstSuggestion()
    place: tuple[str, ...] = ()
    """What tells the place of a file from all others; empty: it is none."""

    @property
    def place_key(self) -> uuid.UUID | None:
        """The same for the same place; None where there is none."""
        if not self.place:
            return None
        return uuid.UUID(bytes=hashlib.blake2b(repr(self.place).encode(), digest_size=16).digest())

    @property
    def keys(self) -> frozenset[str]:
        """Under which it is found again when the lexicon learns."""
        return segment_keys(self.heard)


@dataclass(frozen=True, slots=True)
class Added:
    """The cases of a batch in its order, those their places had before among them; how many are new."""

    case_ids: tuple[int, ...]
    new_count: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided."""

    decision_id: int
    case_id: int
    verdict: Verdict
    decision_type: str
    decided_text: str
    decided_term: str
    comment: str
    expert: str
    created_at: datetime
    undone_at: datetime | None
    undone_by: str | None
    was_disputed: bool
    bulk_id: str | None


@dataclass(frozen=True, slots=True)
class Case:
    """A case as it is now, with its last decision.

    `family_id` is the case whose second read this is; `reads` are the decisions that an adjudicator has to settle.
    """

    case_id: int
    state: State
    domain: str
    body: bytes
    created_at: datetime
    due_at: datetime
    rank_at: datetime
    holder: str | None
    decision: Decision | None
    family_id: int | None = None
    is_disputed: bool = False
    reads: tuple[Decision, ...] = ()

    def is_shown_to(self, subject: str) -> bool:
        """A second read is told only to those who do it."""
        return self.family_id is None or subject in {self.holder, self.decision.expert if self.decision else None}


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to decide a case until a time on the database's clock."""

    case_id: int
    fence: int
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """Who wants how many cases, of which domains, for how long; the same `claim_id` takes once.

    No domains: those the expert prefers. With `case_ids` these and no others, whatever the count and the domains.
    """

    count: int
    domains: tuple[str, ...]
    expert: str
    lease_s: float
    claim_id: str
    with_escalated: bool = False
    with_disputed: bool = False
    case_ids: tuple[int, ...] = ()

    @property
    def states(self) -> list[str]:
        """The states it takes from."""
        escalated = [State.EXPERT_ESCALATION.value] if self.with_escalated else []
        disputed = [State.NEEDS_REVISION.value] if self.with_disputed else []
        return [State.PENDING.value, *escalated, *disputed]


@dataclass(frozen=True, slots=True)
class Answer:
    """What an expert sends for a case they hold. With ACCEPT and no text it is the first suggestion's."""

    case_id: int
    fence: int
    verdict: Verdict
    decision_type: str
    decided_text: str
    comment: str
    expert: str
    request_id: str
    decided_term: str = ""


@dataclass(frozen=True, slots=True)
class CaseQuery:
    """Which cases: all conditions hold. `after` is the position of the last case of the page before."""

    states: tuple[State, ...] = ()
    domains: tuple[str, ...] = ()
    filename: str = ""
    heard: str = ""
    holder: str = ""
    expert: str = ""
    verdicts: tuple[Verdict, ...] = ()
    only_overdue: bool = False
    order: Order = Order.QUEUE
    caller: str = ""
    after: tuple[datetime, int] | None = None
    limit: int = 20


@dataclass(frozen=True, slots=True)
class Undo:
    """A decision to take back: the expert's own last one of the case, within the window."""

    case_id: int
    expert: str
    window_s: float
    request_id: str


@dataclass(frozen=True, slots=True)
class Revocation:
    """A decision to take back, by an administrator, with the reason."""

    case_id: int
    decision_id: int
    admin: str
    comment: str
    request_id: str
