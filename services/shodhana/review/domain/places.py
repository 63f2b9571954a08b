"""What the correction would do at a place, as the review asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol


class PlaceOutcome(Enum):
    """What would be done at a place."""

    APPLIED = "applied"
    SUGGESTED = "suggested"
    RIGHT = "right"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Place:
    """Words [start, end) (code points) of a context."""

    context: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Suggested:
    """A term that could stand at a place. `message` is a suggestion of the contract, unread."""

    term: str
    text: str
    probability: float
    message: Any


@dataclass(frozen=True, slots=True)
class Assessment:
    """The outcome of a place, and terms that could stand there, best first."""

    outcome: PlaceOutcome
    suggestions: tuple[Suggested, ...] = ()

    @property
    def passes(self) -> bool:
        """Whether nobody would be asked."""
        return self.outcome in (PlaceOutcome.APPLIED, PlaceOutcome.RIGHT)

    @property
    def best(self) -> Suggested | None:
        return self.suggestions[0] if self.suggestions else None


class Places(Protocol):
    """Assesses places."""

    async def assess(self, places: Sequence[Place], version: str) -> list[Assessment]:
        """In the order of the places, under a version by its name. Raises PartMissing, also for want of vectors."""
        ...
