"""What experts write beside decisions, and what they prefer to be given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from .cases import State, Verdict


@dataclass(frozen=True, slots=True)
class Comment:
    """A remark on a case."""

    comment_id: int
    case_id: int
    author: str
    text: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Draft:
    """What was sent for a case whose lease was lost; `state` is the case's now."""

    draft_id: int
    case_id: int
    verdict: Verdict
    decided_text: str
    comment: str
    created_at: datetime
    state: State
    heard: str


@dataclass(frozen=True, slots=True)
class Preferences:
    """Which domains an expert is given cases of where a claim names none; none: all."""

    expert: str
    domains: tuple[str, ...] = ()
    updated_at: datetime | None = None


class Notes(Protocol):
    """Where comments, drafts and preferences are kept. Lists go on after an id."""

    async def comment(self, case_id: int, author: str, text: str, request_id: str) -> Comment:
        """A repeated request adds nothing. Raises CaseNotFound, RequestIdReused."""
        ...

    async def comments(self, case_id: int, after: int, limit: int) -> list[Comment]:
        """Oldest first. Raises CaseNotFound."""
        ...

    async def drafts(self, expert: str, case_id: int | None, before: int | None, limit: int) -> list[Draft]:
        """Newest first."""
        ...

    async def delete_draft(self, draft_id: int, expert: str) -> None:
        """Raises DraftNotFound for another's; one that is gone already is no mistake."""
        ...

    async def preferences(self, expert: str) -> Preferences: ...

    async def prefer(self, expert: str, domains: tuple[str, ...], updated_by: str) -> Preferences: ...
