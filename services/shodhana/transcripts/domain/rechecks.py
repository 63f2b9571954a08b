"""Finished files held against a newer lexicon: flagged where it would correct them otherwise, never rewritten."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from shodhana.text.fold import popular_fold

from .casing import readings_of
from .english import EnglishWords
from .formats import Cue
from .spans import spans_of

MAX_TERMS = 20_000  # of a file; a talk of an hour has about a thousand


@dataclass(frozen=True, slots=True)
class FinishedFile:
    """A finished file with its result, a message of the contract, unread."""

    file_id: int
    filename: str
    content: bytes
    layout: int
    options: bytes
    result: bytes
    lexicon_version: str


Differs = Callable[[FinishedFile], Awaitable[tuple[bool, str]]]
"""Whether a file would be corrected otherwise now, and the lexicon version that says so."""


class Rechecks(Protocol):
    """Which files are to be looked at again."""

    async def count(self, terms: Sequence[str]) -> int:
        """Finished files with one of these folded words."""
        ...

    async def ask(self, terms: Sequence[str], lexicon_version: str) -> int:
        """Has the finished files with one of these folded words looked at; says how many."""
        ...

    async def take(self, patience_s: float) -> FinishedFile | None:
        """One that is due and nobody else has; it is due again after `patience_s` unless it is settled."""
        ...

    async def settle(self, file: FinishedFile, outdated_by: str) -> None:
        """Notes what came of it; empty: its result stands."""
        ...


async def recheck_one(rechecks: Rechecks, differs: Differs, patience_s: float) -> bool:
    """Looks at one file; whether there was one. Raises ServiceMissing, and the file is due again later."""
    file = await rechecks.take(patience_s)
    if file is None:
        return False
    is_outdated, version = await differs(file)
    await rechecks.settle(file, version if is_outdated else "")
    return True


def terms_of(cues: Iterable[Cue], english: EnglishWords) -> tuple[str, ...]:
    """The words of a transcript that may be Sanskrit, folded, each once."""
    texts = {span.text for cue in cues for span in spans_of(cue, english)}
    folds = {popular_fold(reading.base) for text in texts for reading in readings_of(text)}
    return tuple(sorted(folds - {""})[:MAX_TERMS])
