"""What the commands of backups do and print; each answers with the exit code."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ..command_line import INCOMPLETE, say
from ..places import StackDirectory
from . import embeddings, logical, physical, redis_data, retention, wal
from .ages import write_ages
from .errors import Damaged, NotTaken, Refused
from .keys import keys_from
from .manifest import Manifest
from .progress import human
from .repository import LATEST, Repository
from .scratch import open_folder
from .segments import segment_named
from .session import faults, opened
from .source import TARGET, Source
from .stack_files import pack_files
from .storage import open_storage
from .taking import Draft, begin
from .verification import verify

COLUMNS = ("id", "size", "builds on", "server", "lexicon", "content")


def take_backups(
    directory: StackDirectory, target: str | None, kinds: Sequence[Any], is_full: bool, metrics: Path | None
) -> int:
    with faults() as fault:
        source, repository = opened(directory, target)
        failed = [kind for kind in kinds if not _is_taken(kind, source, repository, is_full)]
        if metrics is not None:
            write_ages(repository, metrics)
        if failed:
            raise NotTaken(
                f"not taken: {', '.join(failed)}" + ("; the others were" if len(failed) < len(kinds) else "")
            )
        click.echo(f"\n  shodhana verify {LATEST}-{kinds[0]} --deep      # restores it on the side, and compares")
    return fault()


def list_all(directory: StackDirectory, target: str | None, as_json: bool) -> int:
    with faults() as fault:
        source, repository = opened(directory, target)
        manifests, unreadable = repository.manifests()
        if as_json:
            click.echo(json.dumps([asdict(manifest) for manifest in manifests], indent=2, default=str))
        else:
            _print_list(source, repository, manifests)
        if unreadable:
            raise Damaged("; ".join(unreadable))
    return fault()


def prune_backups(directory: StackDirectory, target: str | None, counts: Mapping[str, int], is_dry: bool) -> int:
    with faults() as fault:
        _, repository = opened(directory, target)
        pruning = retention.plan(repository, retention.Policy(**counts))
        if not is_dry:
            retention.prune(repository, pruning)
        word = "would be deleted" if is_dry else "deleted"
        freed = sum(manifest.size for manifest in pruning.dropped)
        click.echo(
            f"{len(pruning.kept)} kept; {word}: {len(pruning.dropped)} ({human(freed)}), "
            f"{len(pruning.wal)} files of the log, {len(pruning.leftovers)} objects of backups never finished"
        )
        for manifest in pruning.dropped if is_dry else ():
            click.echo(f"  {manifest.id}")
    return fault()


def verify_backup(directory: StackDirectory, target: str | None, backup_id: str, is_deep: bool, as_json: bool) -> int:
    with faults() as fault:
        _, repository = opened(directory, target)
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
    with faults() as fault:
        if not (place := target or os.environ.get(TARGET)):
            raise Refused(f"where to: give --target, or set {TARGET}")
        repository = Repository(open_storage(place), keys_from(os.environ))
        wal.archive(repository, path, wal.system_identifier_of(data))
    return fault()


def _is_taken(kind: Any, source: Source, repository: Repository, is_full: bool) -> bool:
    """Takes a backup; where that fails it says why, for the other kinds may not."""
    with faults() as fault:
        with open_folder() as scratch:
            scratch.chmod(0o700)
            manifest = _take(begin(kind, repository, scratch), source, is_full)
        click.echo(f"{manifest.id}  {human(manifest.size)}  in {repository.storage.place}")
        _warn(manifest, source, repository)
    return fault() == 0


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
        if names := [name for name in repository.wal(identifier) if segment_named(name)]:
            click.echo(f"\nlog of server {identifier}: {len(names)} segments, {names[0]} to {names[-1]}")
    if source.spool is not None and (waiting := wal.waiting(source.spool)):
        click.echo(f"{len(waiting)} files of the log wait to be archived (`shodhana logs wal-archiver`)")


def _cells(manifest: Manifest) -> tuple[str, ...]:
    rows = sum(table.rows for table in manifest.tables.values())
    content = f"{manifest.redis_keys:,} keys" if manifest.redis_keys is not None else f"{rows:,} rows" if rows else ""
    lexicon = str(manifest.lexicon_version.get("version_id", ""))
    return (manifest.id, human(manifest.size), manifest.base or "", manifest.server_version, lexicon, content)


def _warn(manifest: Manifest, source: Source, repository: Repository) -> None:
    if manifest.wal is not None and not manifest.wal.is_archived:
        say(
            "the log is not archived, so no point in time can be restored: `shodhana down` and `up` with a key begin it"
        )
    if manifest.kind == "logical" and repository.storage.place.startswith(f"{source.directory.root}/"):
        say(f"the backups lie beside what they are of: set {TARGET} to another disk or to s3://BUCKET/PREFIX")
