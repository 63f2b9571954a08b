"""What `restore` does and prints; it answers with the exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from ..places import StackDirectory
from . import embeddings, logical, physical
from .errors import Occupied, Refused
from .manifest import Manifest
from .repository import LATEST, Repository
from .restoring import restore_tables, restore_to
from .scratch import open_folder
from .session import faults, opened
from .source import Source, is_running
from .tools import database_of


@dataclass(frozen=True, slots=True)
class RestoreOptions:
    """As given on the command line."""

    to: Path | None
    live: bool
    tables: tuple[str, ...]
    at: str | None
    force: bool
    confirm: str | None

    def fault(self) -> str | None:
        """What cannot be meant."""
        if (self.to is not None) + self.live + bool(self.tables) != 1:
            return (
                "say where to: one of --to DIR (a directory), --live (the running stack), --table NAME (a lost table)"
            )
        if self.live and self.at:
            return "--at restores a whole cluster: into a directory (--to), or a table of it (--table)"
        return None


def restore_backup(directory: StackDirectory, target: str | None, backup_id: str, options: RestoreOptions) -> int:
    with faults() as fault:
        source, repository = opened(directory, target)
        repository.keys.require_secrets()
        at = _moment(options.at) if options.at else None
        is_latest = backup_id in (LATEST, f"{LATEST}-physical")
        manifest = physical.newest_before(repository, at) if at and is_latest else repository.manifest(backup_id)
        _archive_what_runs(repository, manifest, source)
        repository.progress.step(f"restoring {manifest.id}" + (f" as of {at.isoformat()}" if at else ""))
        for line in _restore(repository, manifest, source, at, options):
            click.echo(line)
    return fault()


def _restore(
    repository: Repository, manifest: Manifest, source: Source, at: datetime | None, options: RestoreOptions
) -> Iterator[str]:
    if options.to is not None:
        directory = StackDirectory(options.to.resolve())
        may_replace = options.force and _confirmed(directory.root.name, "what is in this directory", options)
        yield from _or_how(lambda: restore_to(repository, manifest, directory, at, may_replace), directory.root.name)
        if manifest.kind == "physical":
            yield f"next: shodhana restore {LATEST}-redis --to {directory.root}      # tasks and sessions"
        yield f"next: shodhana up --detach --dir {directory.root}      # then take a backup: it begins a log of its own"
        return
    url = source.postgres_url
    if options.tables:
        yield from restore_tables(repository, manifest, options.tables, url, at)
        return
    name = database_of(url)
    may_replace = options.force and _confirmed(name, "what is in this database", options)
    put_back = {"logical": logical.restore_in_place, "embeddings": embeddings.restore}.get(manifest.kind)
    if put_back is None:
        raise Refused(
            f"{manifest.id} is {manifest.kind}: it goes into a directory (--to DIR), not into a running stack"
        )
    with open_folder() as scratch:
        yield from _or_how(lambda: [put_back(repository, manifest, url, scratch, may_replace)], name)
    yield "next: shodhana status      # services connect again by themselves"


def _archive_what_runs(repository: Repository, manifest: Manifest, source: Source) -> None:
    """Where the server that was backed up still runs, what it has written until now is in reach too."""
    if manifest.wal is not None and source.spool is not None and is_running(source.directory):
        identifier = manifest.wal.system_identifier
        physical.archive_now(repository, source.postgres_url, source.spool, only=identifier)


def _or_how(work: Callable[[], list[str]], name: str) -> list[str]:
    """Where something is in the way, the refusal says how it is moved aside."""
    try:
        return work()
    except Occupied as occupied:
        raise Refused(f"{occupied}. To restore all the same, add --force and confirm with its name, {name}") from None


def _confirmed(name: str, what: str, options: RestoreOptions) -> bool:
    """Raises Refused where the name is not given, or is another."""
    if options.confirm is None and not sys.stdin.isatty():
        raise Refused(f"--force replaces {what}: confirm by --confirm {name}")
    given = options.confirm or click.prompt(f"This replaces {what}. Type its name, {name}, to go on", err=True)
    if given != name:
        raise Refused(f"{given!r} is not {name!r}: nothing was touched")
    return True


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"--at {text}: expected a time such as 2026-11-28T18:00:00Z") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment > datetime.now(UTC):
        raise Refused(f"--at {text}: that is in the future ({moment.isoformat()})")
    return moment.astimezone(UTC)
