"""Tries a version on cases with known answers before it is used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Protocol

from .places import Assessment, Place, PlaceOutcome, Places
from .publications import CanaryResult, LexiconVersion

SHIPPED = "canary.tsv"
AT_ONCE = 20  # what was asked before a part went missing is not asked again
NAMED = 3  # of the cases that a version makes worse


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """A place and its right texts; none: it is right as it stands."""

    place: Place
    right_texts: frozenset[str]

    @property
    def heard(self) -> str:
        return self.place.context[self.place.start : self.place.end]

    def is_right(self, assessment: Assessment) -> bool:
        """Whether the text would be right, or the right one be suggested first."""
        if not self.right_texts:
            return assessment.outcome is not PlaceOutcome.APPLIED
        if assessment.outcome is PlaceOutcome.RIGHT:
            return self.heard in self.right_texts
        return assessment.best is not None and assessment.best.text in self.right_texts


class KnownAnswers(Protocol):
    """The hidden cases whose answers are known."""

    async def all(self) -> list[KnownAnswer]: ...


class Canary:
    """Holds a version against the one before on the shipped cases and the hidden ones."""

    def __init__(self, hidden: KnownAnswers, places: Places) -> None:
        self._hidden = hidden
        self._places = places
        self._known: dict[str, dict[KnownAnswer, bool]] = {}

    async def compare(self, before: LexiconVersion, after: LexiconVersion) -> CanaryResult:
        """Raises PartMissing."""
        cases = [*shipped(), *await self._hidden.all()]
        was, now = await self._right(before, cases), await self._right(after, cases)
        worse = [case for case in cases if was[case] and not now[case]]
        if worse:  # the version before may have been tried in better days
            was.update(await self._asked(before, worse))
            worse = [case for case in worse if was[case]]
        return CanaryResult(
            count=len(cases),
            right_before=sum(was[case] for case in cases),
            right=sum(now[case] for case in cases),
            worse=tuple(f"“{case.heard}” in “{_shortened(case.place)}”" for case in worse[:NAMED]),
        )

    async def prepare(self, active: LexiconVersion) -> None:
        """Tries the active version ahead of time, so that the first decision after a start need not wait for it."""
        await self._right(active, [*shipped(), *await self._hidden.all()])

    async def _right(self, version: LexiconVersion, cases: Sequence[KnownAnswer]) -> dict[KnownAnswer, bool]:
        """Asked once for equal content: what was tried as the new version is the old one of the next."""
        known = self._known.pop(version.content_hash, {})
        self._known = {**dict(list(self._known.items())[-1:]), version.content_hash: known}
        missing = [case for case in dict.fromkeys(cases) if case not in known]
        for start in range(0, len(missing), AT_ONCE):
            part = missing[start : start + AT_ONCE]
            known.update(await self._asked(version, part))
        return known

    async def _asked(self, version: LexiconVersion, cases: Sequence[KnownAnswer]) -> dict[KnownAnswer, bool]:
        assessed = await self._places.assess([case.place for case in cases], version.name)
        return {case: case.is_right(one) for case, one in zip(cases, assessed, strict=True)}


def _shortened(place: Place) -> str:
    return place.context[max(0, place.start - 30) : place.end + 30].strip()


@cache
def shipped() -> tuple[KnownAnswer, ...]:
    """The cases that the project ships, made by `python -m training.canary`."""
    lines = files(__package__).joinpath(SHIPPED).read_text(encoding="utf-8").splitlines()[1:]
    return tuple(_shipped(*line.split("\t")) for line in lines)


def _shipped(before: str, heard: str, after: str, right: str) -> KnownAnswer:
    place = Place(before + heard + after, len(before), len(before) + len(heard))
    return KnownAnswer(place, frozenset({right} if right else ()))
