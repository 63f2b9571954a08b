"""Which backups are kept: the newest of a number of days, weeks and months, and whatever those need."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from .errors import Damaged, NotFound
from .manifest import KINDS, Manifest
from .physical import unneeded_wal
from .repository import WAL, Repository

BEGUN = re.compile(r"^\d{8}T\d{6}Z")


@dataclass(frozen=True, slots=True)
class Policy:
    """How many of each kind of backup are kept; each number counts periods in which there is one."""

    last: int = 2
    daily: int = 7
    weekly: int = 4
    monthly: int = 6


@dataclass(frozen=True, slots=True)
class Pruning:
    """What a policy lets go."""

    kept: tuple[Manifest, ...]
    dropped: tuple[Manifest, ...]
    """Increments before what they build on."""
    wal: tuple[tuple[str, str, str], ...]
    """System identifier, name and hash of the log's files that no backup needs any more."""
    leftovers: tuple[str, ...]
    """Objects of backups that were begun more than a day ago and never finished."""


def plan(repository: Repository, policy: Policy) -> Pruning:
    """Decides, and deletes nothing. Raises StorageFailed."""
    manifests, _ = repository.manifests()
    kept = set[str]()
    for kind in KINDS:
        of_kind = [manifest for manifest in manifests if manifest.kind == kind]
        kept |= wanted(of_kind, policy) | _last_good(repository, of_kind)
    kept = with_bases(manifests, kept)
    left = tuple(manifest for manifest in manifests if manifest.id in kept)
    dropped = tuple(manifest for manifest in reversed(manifests) if manifest.id not in kept)
    return Pruning(left, dropped, tuple(_wal(repository, left)), tuple(_leftovers(repository)))


def prune(repository: Repository, pruning: Pruning) -> None:
    """Deletes what was decided to go."""
    for manifest in pruning.dropped:
        repository.delete(manifest.id)
        repository.progress.step(f"deleted {manifest.id}")
    for name in pruning.leftovers:
        repository.storage.delete(name)
    for system_identifier, name, digest in pruning.wal:
        repository.delete_wal(system_identifier, name, digest)


def wanted(manifests: Iterable[Manifest], policy: Policy) -> set[str]:
    """Ids that the policy keeps of one kind."""
    newest_first = sorted(manifests, key=lambda manifest: manifest.at, reverse=True)
    kept = {manifest.id for manifest in newest_first[: policy.last]}
    for count, period in ((policy.daily, _day), (policy.weekly, _week), (policy.monthly, _month)):
        kept |= _newest_of_periods(newest_first, count, period)
    return kept


def with_bases(manifests: Iterable[Manifest], kept: set[str]) -> set[str]:
    """And what the increments among them build on."""
    bases = {manifest.id: manifest.base for manifest in manifests}
    all_kept = set(kept)
    for backup_id in kept:
        base = bases.get(backup_id)
        while base is not None:
            all_kept.add(base)
            base = bases.get(base)
    return all_kept


def _newest_of_periods(newest_first: list[Manifest], count: int, period: Callable[[datetime], str]) -> set[str]:
    newest: dict[str, str] = {}
    for manifest in newest_first:
        newest.setdefault(period(manifest.at), manifest.id)
    return set(list(newest.values())[:count])


def _last_good(repository: Repository, manifests: list[Manifest]) -> set[str]:
    """The newest backup whose objects, and those it builds on, are as they were stored."""
    for manifest in reversed(manifests):
        try:
            for part in repository.chain(manifest):
                for stored in part.objects:
                    with repository.checked(part, stored):
                        pass
        except (Damaged, NotFound):
            continue
        return {manifest.id}
    return set()


def _wal(repository: Repository, kept: tuple[Manifest, ...]) -> list[tuple[str, str, str]]:
    identifiers = {name.split("/")[1] for name in repository.storage.sizes(WAL)}
    unneeded = list[tuple[str, str, str]]()
    for identifier in sorted(identifiers):
        names = repository.wal(identifier)
        unneeded += [(identifier, name, names[name]) for name in unneeded_wal(kept, names, identifier)]
    return unneeded


def _leftovers(repository: Repository) -> list[str]:
    finished, yesterday = set(repository.ids()), f"{datetime.now(UTC) - timedelta(days=1):%Y%m%dT%H%M%SZ}"
    names = [name for name in repository.storage.sizes() if BEGUN.match(name)]
    return [name for name in names if name.split("/")[0] not in finished and name[: len(yesterday)] < yesterday]


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def _week(moment: datetime) -> str:
    return f"{moment:%G-%V}"


def _month(moment: datetime) -> str:
    return f"{moment:%Y-%m}"
