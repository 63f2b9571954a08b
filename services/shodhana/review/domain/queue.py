"""The port of the queue."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from .cases import Added, Answer, Case, CaseQuery, Claim, Decision, Lease, NewCase, Revocation, State
from .figures import Statistics, Waiting


class CaseChanges(Protocol):
    """Tells what changes in the queue, whoever changes it."""

    def watch(self) -> AbstractAsyncContextManager[asyncio.Queue[int | None]]:
        """Ids of cases that changed; None after a gap."""
        ...


class ReviewQueue(Protocol):
    """Where cases are kept."""

    async def add(self, cases: Sequence[NewCase], request_id: str) -> Added:
        """Adds nothing where the request was repeated, and no second case for a place.

        Raises RequestIdReused where the request came with other cases.
        """
        ...

    async def propose(self, case: NewCase, answer: Answer) -> Case:
        """Adds a case that its proposer has decided; `answer` gets its number here.

        A repeated request gets what it was answered first. Raises RequestIdReused.
        """
        ...

    async def case(self, case_id: int) -> Case:
        """Raises CaseNotFound."""
        ...

    async def cases(self, case_ids: Sequence[int]) -> list[Case]:
        """In the order of the ids; those that do not exist are left out."""
        ...

    async def with_reads(self, case: Case) -> Case:
        """The case with what its readers decided, where they disagree."""
        ...

    async def find(self, query: CaseQuery) -> list[Case]: ...

    async def decisions(self, case_id: int, before: int | None, limit: int) -> list[Decision]:
        """All of a case, newest first. Raises CaseNotFound."""
        ...

    async def claim(self, claim: Claim) -> list[tuple[Case, Lease]]:
        """The most urgent first; for a repeated claim those of its cases that are still held."""
        ...

    async def prolong(self, leases: Sequence[Lease], expert: str, lease_s: float) -> list[Lease]:
        """Those still held, with their new ends."""
        ...

    async def decide(self, answer: Answer) -> Case:
        """A repeated request gets what it was answered first.

        Raises LeaseLost, RequestIdReused, CaseNotFound, and TextMissing where nothing is suggested that ACCEPT means.
        """
        ...

    async def undo(self, case_id: int, expert: str, window_s: float, request_id: str) -> Case:
        """As `decide` when repeated. Raises UndoWindowClosed, CaseStateWrong, RequestIdReused, CaseNotFound."""
        ...

    async def revoke(self, revocation: Revocation) -> Case:
        """As `decide` when repeated. Raises CaseStateWrong, RequestIdReused, DecisionNotFound."""
        ...

    async def sweep(self) -> int:
        """Returns cases whose lease ended to the queue; says how many."""
        ...


class ReviewFigures(Protocol):
    """Counts and rates."""

    async def counts(self) -> dict[State, int]: ...

    async def waiting(self) -> list[Waiting]: ...

    async def statistics(self, days: int) -> Statistics: ...


def reads_wanted(asked: int, share: float, place: str) -> int:
    """How many experts read a case: as asked, or (0) two for a share of all places, always the same ones."""
    if asked:
        return asked
    drawn = int.from_bytes(hashlib.blake2b(place.encode(), digest_size=8).digest()) / 2**64
    return 2 if drawn < share else 1
