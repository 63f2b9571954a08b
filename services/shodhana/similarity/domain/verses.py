"""The verses that are stored, the index of them in this process, and those that the project ships."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from shodhana.errors import FailedPrecondition, NotFound

from .imported import Provenance
from .lexicon import Verse
from .verse_importers import parse_verses_tsv
from .verse_index import VerseIndex

SHIPPED = "verses/"
LICENSE = "CC0-1.0"


class VerseNotFound(NotFound):
    """No verse of that number or reference."""


class VersesMissing(FailedPrecondition):
    """The verses are not loaded yet."""


@dataclass(frozen=True, slots=True)
class VerseState:
    """How many verses are stored, and when the newest of them was; differs whenever verses differ."""

    count: int = 0
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class VerseQuery:
    """Which verses, in what part of the list."""

    prefix: str = ""
    source: str = ""
    after: int = 0
    limit: int = 100


class VerseStore(Protocol):
    """Where verses are kept."""

    async def verse_state(self) -> VerseState: ...

    async def verses(self) -> list[Verse]: ...

    async def list_verses(self, query: VerseQuery) -> list[Verse]: ...

    async def count_verses(self, query: VerseQuery) -> int: ...

    async def verse(self, key: str) -> Verse:
        """By number or by reference. Raises VerseNotFound."""
        ...

    async def replace_verses(self, source_prefix: str, verses: Sequence[Verse]) -> None:
        """Stores verses, and removes all others whose source begins so."""
        ...


class VerseShelf:
    """Follows what is stored with an index in this process."""

    def __init__(self, store: VerseStore) -> None:
        self._store = store
        self._state: VerseState | None = None
        self._loading = asyncio.Lock()
        self.index = VerseIndex(())

    async def check(self) -> None:
        """Raises VersesMissing until what is stored has been loaded once."""
        if self._state is None:
            raise VersesMissing("the verses are not loaded yet")

    async def refresh(self) -> None:
        """Makes the index anew where verses have changed. Asked about once a second; the old one serves meanwhile."""
        async with self._loading:
            state = await self._store.verse_state()
            if state != self._state:
                self.index = await asyncio.to_thread(VerseIndex, await self._store.verses())
                self._state = state


async def take_over_verses(folder: Path, store: VerseStore) -> None:
    """Stores the verses of the project's files; what has not changed is left alone. Raises ImportBroken."""
    await store.replace_verses(SHIPPED, await asyncio.to_thread(shipped_verses, folder))


def shipped_verses(folder: Path) -> list[Verse]:
    """The verses of the TSV files in a folder. Raises ImportBroken."""
    return [
        verse
        for path in sorted(folder.glob("*.tsv"))
        for verse in parse_verses_tsv(path.read_text("utf-8"), Provenance(f"{SHIPPED}{path.name}", LICENSE)).verses
    ]
