"""What a newer lexicon makes of the cases that wait."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from .places import Assessment, Place, Places
from .publications import Lexicon, LexiconVersion

BATCH = 20  # small enough that one comes through on the busiest machine


class Fate(Enum):
    """What becomes of a case."""

    KEPT = "kept"
    REFRESHED = "refreshed"
    WITHDRAWN = "withdrawn"
    SAMPLED = "sampled"
    """It passes, but an expert looks at it all the same."""
    RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class CaseToRescore:
    """A waiting or withdrawn case that a publication may concern.

    `suggested` are the terms suggested now, `lexicon_version` that of the first suggestions, `changed_terms` what the
    publication changes.
    """

    publication_id: int
    case_id: int
    state: str
    fence: int
    place: Place
    suggested: tuple[str, ...]
    lexicon_version: str
    changed_terms: frozenset[str]
    is_changed: bool
    """Whether it is withdrawn, or its suggestions are not the first ones."""


@dataclass(frozen=True, slots=True)
class Rescored:
    """A case with its fate; `is_original`: what was first suggested stands again."""

    case: CaseToRescore
    fate: Fate
    assessment: Assessment
    version: str
    is_original: bool = False


class Rescorings(Protocol):
    """The cases still to be scored again."""

    async def take(self, limit: int) -> list[CaseToRescore]:
        """Some that nobody holds; those that were decided meanwhile are forgotten."""
        ...

    async def settle(self, rescored: Sequence[Rescored]) -> None:
        """Notes their fates; a case that changed since it was taken is left for another time."""
        ...


class Rescorer:
    """Scores again what publications concern, with the active version."""

    def __init__(self, rescorings: Rescorings, places: Places, lexicon: Lexicon, sample_share: float) -> None:
        self._rescorings = rescorings
        self._places = places
        self._lexicon = lexicon
        self._sample_share = sample_share
        self._hashes: dict[str, str] = {}

    async def step(self) -> bool:
        """Whether there was something to do. Raises PartMissing."""
        cases = await self._rescorings.take(BATCH)
        if not cases:
            return False
        active = await self._lexicon.active()
        assessed = await self._places.assess([case.place for case in cases], active.name)
        rescored = [await self._rescored(case, one, active) for case, one in zip(cases, assessed, strict=True)]
        await self._rescorings.settle(rescored)
        return True

    async def _rescored(self, case: CaseToRescore, assessment: Assessment, active: LexiconVersion) -> Rescored:
        if case.is_changed and await self._hash_of(case.lexicon_version) == active.content_hash:
            return Rescored(case, Fate.RESTORED, assessment, active.name, is_original=True)
        return Rescored(case, fate_of(case, assessment, self._sample_share), assessment, active.name)

    async def _hash_of(self, name: str) -> str:
        if name and name not in self._hashes:
            self._hashes[name] = (await self._lexicon.version(name)).content_hash
        return self._hashes.get(name, "")


def fate_of(case: CaseToRescore, assessment: Assessment, sample_share: float) -> Fate:
    """A case passes only by a term that changed: what is told of its place says less than its whole talk did."""
    terms = tuple(one.term for one in assessment.suggestions)
    if assessment.passes and terms[:1] and terms[0] in case.changed_terms:
        if case.state == "withdrawn":
            return Fate.KEPT
        return Fate.SAMPLED if is_sampled(case.case_id, sample_share) else Fate.WITHDRAWN
    if case.state == "withdrawn":
        return Fate.KEPT if assessment.passes else Fate.RESTORED
    concerned = case.changed_terms.intersection((*terms, *case.suggested))
    return Fate.REFRESHED if terms and concerned and terms != case.suggested else Fate.KEPT


def is_sampled(case_id: int, share: float) -> bool:
    """Whether a case that passes is looked at all the same; always the same ones."""
    drawn = int.from_bytes(hashlib.blake2b(f"passed {case_id}".encode(), digest_size=8).digest()) / 2**64
    return drawn < share
