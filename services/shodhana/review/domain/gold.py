"""Cases whose answer is known, handed out among the others so that nobody knows which they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from .cases import Case, Claim, Lease, NewCase


@dataclass(frozen=True, slots=True)
class NewGoldCase:
    """A case with its right texts (none: it is to be rejected), for so many experts."""

    case: NewCase
    right_texts: tuple[str, ...]
    copies: int


@dataclass(frozen=True, slots=True)
class GoldCase:
    """A case whose answer is known, and how it was answered."""

    gold_id: int
    heard: str
    domain: str
    right_texts: tuple[str, ...]
    copy_count: int
    decision_count: int
    right_count: int
    created_at: datetime


class GoldCases(Protocol):
    """Where cases with known answers are kept."""

    async def add(self, cases: Sequence[NewGoldCase], request_id: str) -> list[int]:
        """Adds nothing where the request was repeated. Raises RequestIdReused where it came with other cases."""
        ...

    async def hand_out(self, claim: Claim, like: Case | None = None) -> tuple[Case, Lease] | None:
        """Makes a copy of one that the expert has not had into a case they hold; None where there is none.

        Its times are those of the case it is `like`, else of the next of its domain, so that they tell nothing.
        """
        ...

    async def find(self, before: int | None, limit: int) -> list[GoldCase]:
        """Newest first."""
        ...
