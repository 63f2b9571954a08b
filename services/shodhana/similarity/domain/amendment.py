"""What experts decided, worked into the entries of a lexicon."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Protocol

from shodhana.errors import FieldViolation, InvalidInput
from shodhana.text.fold import popular_fold
from shodhana.text.iast import breaches

from .lexicon import Entry, Version

SOURCE = "decisions"
"""Source of the entries that came by decisions; only they go with their last spelling."""
NO_GLOSS = "decided by experts; its meaning is still to be written"
"""Of a new term without a remark: an export of a lexicon has to be a file that can be imported."""


class TermInvalid(InvalidInput):
    """A term is no IAST."""


class Effect(Enum):
    """What a change did."""

    ENTRY_ADDED = "entry_added"
    ALIAS_ADDED = "alias_added"
    ALIAS_REMOVED = "alias_removed"
    ENTRY_REMOVED = "entry_removed"
    NONE = "none"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Change:
    """That heard words stand for a term, or no longer do."""

    term: str
    heard: str
    domain: str
    gloss: str = ""
    is_removal: bool = False
    allows_rivals: bool = False


@dataclass(frozen=True, slots=True)
class Amendment:
    """What a version is made from beside the active one. `request_id` makes it once only."""

    changes: tuple[Change, ...]
    decisions: tuple[str, ...]
    description: str
    creator: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a change did; `rivals` are other terms that what was heard is a spelling of."""

    effect: Effect
    rivals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Amended:
    """The new version, or the one before where nothing changed, and what came of each change."""

    version: Version
    outcomes: tuple[Outcome, ...]


class Amendments(Protocol):
    """Where versions are made from what experts decided."""

    async def amend(self, amendment: Amendment) -> Amended:
        """The same for the same request id. Raises LexiconEmpty, and TermInvalid for a term that is no IAST."""
        ...


@dataclass(frozen=True, slots=True)
class Touched:
    """The entries that changes take out and put in, and what came of each change."""

    removed: tuple[Entry, ...]
    added: tuple[Entry, ...]
    outcomes: tuple[Outcome, ...]


def check(changes: Sequence[Change]) -> None:
    """Raises TermInvalid for terms that are no IAST, naming each."""
    violations = [
        FieldViolation(f"changes[{place}].term", f"{change.term!r}: {breach.description}")
        for place, change in enumerate(changes)
        for breach in list(breaches(change.term))[:1]
    ]
    if violations:
        raise TermInvalid("not IAST: " + "; ".join(one.description for one in violations), violations)


def amended(known: Iterable[Entry], owners: Mapping[str, frozenset[str]], changes: Sequence[Change]) -> Touched:
    """Works the changes in, one after the other.

    `known`: the entries of the changes' terms. `owners`: the terms that each fold is a spelling of, for the folds of
    all that was heard.
    """
    before = {(entry.term, entry.domain): entry for entry in known}
    after = dict(before)
    outcomes = [_apply(after, owners, change) for change in changes]
    return Touched(
        removed=tuple(entry for key, entry in before.items() if after.get(key) != entry),
        added=tuple(entry for key, entry in after.items() if before.get(key) != entry),
        outcomes=tuple(outcomes),
    )


def _apply(entries: dict[tuple[str, str], Entry], owners: Mapping[str, frozenset[str]], change: Change) -> Outcome:
    entry = _entry_of(entries, change)
    if change.is_removal:
        return Outcome(_remove(entries, entry, change.heard) if entry else Effect.NONE)
    fold = popular_fold(change.heard)
    if entry is not None and fold in entry.forms:
        return Outcome(Effect.NONE)
    rivals = tuple(sorted(owners.get(fold, frozenset()) - {change.term}))
    if rivals and not change.allows_rivals:
        return Outcome(Effect.REFUSED, rivals)
    if entry is not None:
        entries[entry.term, entry.domain] = replace(entry, aliases=(*entry.aliases, change.heard))
        return Outcome(Effect.ALIAS_ADDED, rivals)
    entries[change.term, change.domain] = Entry(
        term=change.term,
        domain=change.domain,
        field=change.domain,
        part_of_speech="noun",
        gloss=change.gloss or NO_GLOSS,
        aliases=(change.heard,),
        source=SOURCE,
    )
    return Outcome(Effect.ENTRY_ADDED, rivals)


def _entry_of(entries: Mapping[tuple[str, str], Entry], change: Change) -> Entry | None:
    """The term's entry, of the change's domain where there are several."""
    same = [entry for (term, _), entry in entries.items() if term == change.term]
    if change.is_removal:
        same = [entry for entry in same if change.heard in entry.aliases]
    return next((entry for entry in same if entry.domain == change.domain), same[0] if same else None)


def _remove(entries: dict[tuple[str, str], Entry], entry: Entry, heard: str) -> Effect:
    left = tuple(alias for alias in entry.aliases if alias != heard)
    if entry.source == SOURCE and not left:
        del entries[entry.term, entry.domain]
        return Effect.ENTRY_REMOVED
    entries[entry.term, entry.domain] = replace(entry, aliases=left)
    return Effect.ALIAS_REMOVED
