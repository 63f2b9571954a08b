"""Versions of the lexicon on their way from agreement to use, step by step; every step can be taken again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from shodhana.errors import InvalidInput, Unavailable

ALONE = "tried together with others; each is tried by itself"
OVERTAKEN = "another version became active meanwhile; it is made anew"


class PartMissing(Unavailable):
    """A service that learning asks does not answer, or not with all its parts."""


class AmendmentRefused(InvalidInput):
    """The lexicon takes a change for none; asking again will not help."""


class PublicationState(Enum):
    """How far a publication is."""

    PLANNED = "planned"
    MADE = "made"
    PASSED = "passed"
    ACTIVE = "active"
    DONE = "done"
    REFUSED = "refused"


class Effect(Enum):
    """What a change does to the lexicon."""

    ENTRY_ADDED = "entry_added"
    ALIAS_ADDED = "alias_added"
    ALIAS_REMOVED = "alias_removed"
    ENTRY_REMOVED = "entry_removed"
    NONE = "none"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Change:
    """A proposal worked into the lexicon, or taken out of it."""

    proposal_id: int
    heard: str
    term: str
    domain: str
    gloss: str
    is_removal: bool
    is_resolved: bool
    """An adjudicator wants it, whatever else is spelled so."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a change; `rivals` are other terms with the same spelling."""

    effect: Effect
    rivals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LexiconVersion:
    """A version by its name; equal content, equal hash."""

    name: str
    content_hash: str
    supersedes: str = ""


@dataclass(frozen=True, slots=True)
class CanaryResult:
    """How a version answers cases with known answers beside the version before. `worse` names some that it gets wrong
    and the other got right."""

    count: int
    right_before: int
    right: int
    worse: tuple[str, ...]


UNTRIED = CanaryResult(0, 0, 0, ())


@dataclass(frozen=True, slots=True)
class Publication:
    """A publication, with what it changes."""

    publication_id: int
    request_id: str
    state: PublicationState
    base_version: str
    lexicon_version: str
    changes: tuple[Change, ...]
    decisions: tuple[str, ...]
    decided_at: datetime

    @property
    def only_removes(self) -> bool:
        return all(change.is_removal for change in self.changes)


@dataclass(frozen=True, slots=True)
class PublicationRecord:
    """A publication as it is shown."""

    publication_id: int
    state: PublicationState
    lexicon_version: str
    added: tuple[int, ...]
    removed: tuple[int, ...]
    reason: str
    canary_count: int
    canary_right_before: int
    canary_right: int
    refreshed_count: int
    withdrawn_count: int
    restored_count: int
    file_count: int
    decided_at: datetime
    created_at: datetime
    active_at: datetime | None


class Publications(Protocol):
    """Where publications are kept. What notes a step does so only where the step before was the last one."""

    async def open(self) -> Publication | None:
        """The one that is under way."""
        ...

    async def plan(self) -> bool:
        """Opens one with the proposals that wait, if any do."""
        ...

    async def made(self, publication: Publication, version: LexiconVersion, outcomes: Sequence[Outcome]) -> None:
        """Notes the version; where it changes nothing the publication is done."""
        ...

    async def passed(self, publication: Publication, result: CanaryResult) -> None: ...

    async def refused(self, publication: Publication, reason: str, result: CanaryResult | None) -> None:
        """With a result its proposals are refused, or, if there are several, each is tried alone; without one they wait
        to be published anew."""
        ...

    async def active(self, publication: Publication) -> float:
        """Notes that it is active and which cases to score again; says how many seconds after the decision."""
        ...

    async def done(self, publication: Publication, file_count: int) -> None: ...

    async def find(self, before: int | None, limit: int) -> list[PublicationRecord]: ...


class Lexicon(Protocol):
    """The lexicon. Each raises PartMissing where it does not answer."""

    async def active(self) -> LexiconVersion: ...

    async def version(self, name: str) -> LexiconVersion: ...

    async def amend(self, publication: Publication) -> tuple[LexiconVersion, tuple[Outcome, ...]]:
        """Makes an inactive version, once for the publication's request id. Raises AmendmentRefused."""
        ...

    async def activate(self, name: str) -> None: ...


class FinishedFiles(Protocol):
    """Finished files with heard words. Each raises PartMissing."""

    async def recheck(self, heard: Sequence[str], version: str) -> int: ...

    async def count(self, heard: Sequence[str]) -> int: ...
