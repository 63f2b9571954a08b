"""What the commands of backups do and print; each answers with the exit code."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import click

from ..command_line import ERROR, INCOMPLETE, say
from ..places import StackDirectory
from . import embeddings, logical, physical, redis_data, retention, wal
from .errors import BackupError, Damaged, Refused
from .keys import keys_from
from .manifest import Manifest
from .progress import Terminal, human
from .repository import LATEST, Repository
from .restoring import restore_tables, restore_to
from .scratch import open_folder
from .source import TARGET, Source, is_running, source_of
from .stack_files import pack_files
from .storage import open_storage
from .taking import Draft, begin
from .tools import database_of
from .verification import verify

COLUMNS = ("id", "size", "builds on", "server", "lexicon", "content")


def take_backups(directory: StackDirectory, target: str | None, kinds: Sequence[Any], is_full: bool) -> int:
    with _faults() as fault:
        source, repository = _opened(directory, target)
        for kind in kinds:
            with open_folder() as scratch:
                scratch.chmod(0o700)
                manifest = _take(begin(kind, repository, scratch), source, is_full)
            click.echo(f"{manifest.id}  {human(manifest.size)}  in {repository.storage.place}")
        click.echo(f"\n  shodhana verify {LATEST}-{kinds[0]} --deep      # restores it on the side, and compares")
        if "physical" in kinds and source.spool is None:
            say(
                "the log is not archived, so no point in time can be restored: `shodhana up` with a key set archives it"
            )
    return fault()


def list_all(directory: StackDirectory, target: str | None, as_json: bool) -> int:
    with _faults() as fault:
        source, repository = _opened(directory, target)
        manifests, faults = repository.manifests()
        if as_json:
            click.echo(json.dumps([asdict(manifest) for manifest in manifests], indent=2, default=str))
        else:
            _print_list(source, repository, manifests)
        if faults:
            raise Damaged("; ".join(faults))
    return fault()


def prune_backups(directory: StackDirectory, target: str | None, counts: Mapping[str, int], is_dry: bool) -> int:
    with _faults() as fault:
        _, repository = _opened(directory, target)
        pruning = retention.plan(repository, retention.Policy(**counts))
        if not is_dry:
            retention.prune(repository, pruning)
        word = "would be deleted" if is_dry else "deleted"
        freed = sum(manifest.size for manifest in pruning.dropped)
        click.echo(
            f"{len(pruning.kept)} kept; {word}: {len(pruning.dropped)} ({human(freed)}), "
            f"{len(pruning.wal)} files of the log"
        )
        for manifest in pruning.dropped if is_dry else ():
            click.echo(f"  {manifest.id}")
    return fault()


def verify_backup(directory: StackDirectory, target: str | None, backup_id: str, is_deep: bool, as_json: bool) -> int:
    with _faults() as fault:
        _, repository = _opened(directory, target)
        manifest = repository.manifest(backup_id)
        findings = verify(repository, manifest, is_deep)
        if as_json:
            click.echo(json.dumps({"id": manifest.id, "is_good": findings.is_good} | asdict(findings), indent=2))
        else:
            for mark, lines in (("✓", findings.passed), ("?", findings.unchecked), ("✗", findings.faults)):
                for line in lines:
                    click.echo(f"{mark} {line}")
        if findings.faults:
            raise Damaged(f"{manifest.id} is damaged: do not count on it; take another one now (`shodhana backup`)")
        if findings.unchecked:
            return INCOMPLETE
        if not as_json:
            click.echo(f"{manifest.id} is good")
    return fault()


def archive_segment(path: Path, data: Path, target: str | None) -> int:
    with _faults() as fault:
        if not (place := target or os.environ.get(TARGET)):
            raise Refused(f"where to: give --target, or set {TARGET}")
        repository = Repository(open_storage(place), keys_from(os.environ))
        wal.archive(repository, path, wal.system_identifier_of(data))
    return fault()


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
    with _faults() as fault:
        source, repository = _opened(directory, target)
        repository.keys.require_secrets()
        at = _moment(options.at) if options.at else None
        if source.spool is not None and is_running(source.directory):
            physical.archive_now(repository, source.postgres_url, source.spool)  # what it has written until now
        is_latest = backup_id in (LATEST, f"{LATEST}-physical")
        manifest = physical.newest_before(repository, at) if at and is_latest else repository.manifest(backup_id)
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
        yield f"next: shodhana up --detach --dir {directory.root}, then take a backup: the old log ends here"
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


def _or_how(work: Callable[[], list[str]], name: str) -> list[str]:
    """Where something is in the way, the refusal says how it is moved aside."""
    try:
        return work()
    except Refused as refused:
        if "has tables" in str(refused) or "not empty" in str(refused) or "there are embeddings" in str(refused):
            raise Refused(
                f"{refused}. To restore all the same, add --force and confirm with its name, {name}"
            ) from None
        raise


def _confirmed(name: str, what: str, options: RestoreOptions) -> bool:
    """Raises Refused where the name is not given, or is another."""
    if options.confirm is None and not sys.stdin.isatty():
        raise Refused(f"--force replaces {what}: confirm by --confirm {name}")
    given = options.confirm or click.prompt(f"This replaces {what}. Type its name, {name}, to go on", err=True)
    if given != name:
        raise Refused(f"{given!r} is not {name!r}: nothing was touched")
    return True


def _take(draft: Draft, source: Source, is_full: bool) -> Manifest:
    if draft.kind == "redis":
        return redis_data.take(draft, source.broker_url)
    url = source.postgres_url
    if draft.kind == "embeddings":
        return embeddings.take(draft, url)
    files = pack_files(source.directory, draft.scratch)
    if draft.kind == "logical":
        return logical.take(draft, url, files)
    return physical.take(draft, url, source.spool, source.state, files, is_full)


def _print_list(source: Source, repository: Repository, manifests: Sequence[Manifest]) -> None:
    if not manifests:
        click.echo(f"no backup in {repository.storage.place} yet: `shodhana backup` takes one")
        return
    rows = [COLUMNS, *(_cells(manifest) for manifest in manifests)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for identifier in sorted({manifest.wal.system_identifier for manifest in manifests if manifest.wal}):
        if names := list(repository.wal(identifier)):
            click.echo(f"\nlog of server {identifier}: {len(names)} files, {names[0]} to {names[-1]}")
    if source.spool is not None and (waiting := wal.waiting(source.spool)):
        click.echo(f"{len(waiting)} files of the log wait to be archived (`shodhana logs wal-archiver`)")


def _cells(manifest: Manifest) -> tuple[str, ...]:
    rows = sum(table.rows for table in manifest.tables.values())
    content = f"{manifest.redis_keys:,} keys" if manifest.redis_keys is not None else f"{rows:,} rows" if rows else ""
    lexicon = str(manifest.lexicon_version.get("version_id", ""))
    return (manifest.id, human(manifest.size), manifest.base or "", manifest.server_version, lexicon, content)


def _opened(directory: StackDirectory, target: str | None) -> tuple[Source, Repository]:
    source = source_of(directory)
    return source, Repository(open_storage(target or source.target), keys_from(source.environment), Terminal())


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"--at {text}: expected a time such as 2026-11-28T18:00:00Z") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment > datetime.now(UTC):
        raise Refused(f"--at {text}: that is in the future ({moment.isoformat()})")
    return moment.astimezone(UTC)


@contextmanager
def _faults() -> Iterator[Callable[[], int]]:
    """Says what went wrong in a sentence; the function tells the exit code."""
    codes = [0]
    try:
        yield lambda: codes[0]
    except BackupError as error:
        say(str(error))
        codes[0] = ERROR
    except (asyncpg.PostgresError, ConnectionError) as error:
        say(f"the database does not answer: {error}")
        codes[0] = ERROR
