"""Entries, versions and where they are kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Protocol

from shodhana.errors import FailedPrecondition, NotFound
from shodhana.text.fold import popular_fold
from shodhana.text.stems import spoken_forms

DOMAINS = ("spiritual", "philosophical", "scriptural", "general")


class LexiconEmpty(FailedPrecondition):
    """No version is active yet."""

    reason = "LEXICON_EMPTY"


class VersionNotFound(NotFound):
    """No version of that number."""


class EntryNotFound(NotFound):
    """No entry of that number or term in the version."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A term. `entry_id` is 0 until it is stored."""

    term: str
    domain: str
    field: str
    part_of_speech: str
    gloss: str
    aliases: tuple[str, ...] = ()
    note: str = ""
    anglicised: bool = False
    source: str = ""
    license: str = ""
    entry_id: int = 0

    @property
    def content_hash(self) -> bytes:
        """16 bytes; equal content, equal hash."""
        content = {name: getattr(self, name) for name in _CONTENT}
        return hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16).digest()

    @property
    def forms(self) -> dict[str, str]:
        """A spelling for each distinct popular fold of term, spoken forms and aliases; the term's own first."""
        result: dict[str, str] = {}
        for spelling in (self.term, *spoken_forms(self.term), *self.aliases):
            if fold := popular_fold(spelling):
                result.setdefault(fold, spelling)
        return result

    @property
    def gloss_hash(self) -> str:
        """What `context_hash` holds for the vector of the gloss: what Postgres computes from it by md5()."""
        return hashlib.md5(self.gloss.encode(), usedforsecurity=False).hexdigest()


_CONTENT = tuple(field.name for field in fields(Entry) if field.name != "entry_id")


@dataclass(frozen=True, slots=True)
class Verse:
    """A verse of a text, in IAST, its lines parted by " / ". `verse_id` is 0 until it is stored."""

    source: str
    reference: str
    text: str
    license: str
    verse_id: int = 0

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(self.text.split(" / "))

    @property
    def spoken(self) -> tuple[str, ...]:
        """The lines but those that name the speaker."""
        return tuple(line for line in self.lines if not line.endswith("uvāca"))


@dataclass(frozen=True, slots=True)
class Version:
    """One immutable state of the lexicon."""

    version_id: int
    active: bool
    entry_count: int
    supersedes: int | None
    description: str
    creator: str
    content_hash: str
    created_at: datetime
    decisions: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"lexiconVersions/{self.version_id}"


@dataclass(frozen=True, slots=True)
class NewVersion:
    """What a version is made from. `request_id` makes it once only, `origin` once in a row."""

    entries: tuple[Entry, ...]
    verses: tuple[Verse, ...] = ()
    merge: bool = True
    replaces_source_prefix: str | None = None
    description: str = ""
    creator: str = ""
    origin: str = ""
    activate: bool = True
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of making a version."""

    version: Version
    replaced_count: int


@dataclass(frozen=True, slots=True)
class EntryQuery:
    """Which entries of a version, in what part of the list. `prefix` is folded."""

    version_id: int
    prefix: str = ""
    domain: str = ""
    after: tuple[str, int] = ("", 0)
    limit: int = 100


class LexiconStore(Protocol):
    """Where versions and entries are kept."""

    async def create_version(self, new: NewVersion) -> Imported: ...

    async def active_version(self) -> Version | None: ...

    async def version(self, version_id: int) -> Version: ...

    async def versions(self, before: int | None, limit: int) -> list[Version]: ...

    async def activate(self, version_id: int) -> Version: ...

    async def latest_origin(self) -> str: ...

    async def entries(self, version_id: int) -> list[Entry]: ...

    async def entries_only_in(self, version_id: int, other_id: int) -> list[Entry]:
        """Those that the other version does not have just so; 0 is a version without entries."""
        ...

    async def list_entries(self, query: EntryQuery) -> list[Entry]: ...

    async def count_entries(self, query: EntryQuery) -> int: ...

    async def entry(self, version_id: int, entry_id: int) -> Entry: ...


def merged(base: Iterable[Entry], added: Sequence[Entry], dropped_source_prefix: str | None) -> tuple[list[Entry], int]:
    """The base with the added entries, one of the same term and domain replaced; and how many were replaced.

    With a prefix, the base's entries of such sources are dropped, and its others are not replaced.
    """
    kept = {
        (entry.term, entry.domain): entry
        for entry in base
        if dropped_source_prefix is None or not entry.source.startswith(dropped_source_prefix)
    }
    replaced = 0
    for entry in added:
        key = (entry.term, entry.domain)
        if key in kept and dropped_source_prefix is not None:
            continue
        replaced += key in kept
        kept[key] = entry
    return list(kept.values()), replaced


def content_hash_of(hashes: Iterable[bytes]) -> str:
    """32 hexadecimal digits over the sorted content hashes of a version's entries."""
    digest = hashlib.blake2b(digest_size=16)
    for one in sorted(hashes):
        digest.update(one)
    return digest.hexdigest()


def diff(before: Iterable[Entry], after: Iterable[Entry]) -> list[tuple[Entry | None, Entry | None]]:
    """What differs, by term: (None, added), (removed, None), (old, new)."""
    old = {(entry.term, entry.domain): entry for entry in before}
    new = {(entry.term, entry.domain): entry for entry in after}
    changes = []
    for key in sorted(old.keys() | new.keys()):
        was, now = old.get(key), new.get(key)
        if was is None or now is None or was.content_hash != now.content_hash:
            changes.append((was, now))
    return changes
