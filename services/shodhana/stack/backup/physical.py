"""Physical backups: the cluster's files, or what changed in them since another backup; the log does the rest."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from ..postgres import SUPERUSER, EmbeddedPostgres
from . import tools, wal
from .archives import pack, unpack
from .errors import Damaged, NotFound, Refused, ToolFailed
from .manifest import Manifest, WalRange
from .repository import Repository
from .scratch import private_postgres
from .segments import segment_at, segment_named
from .taking import Draft, database_facts

FILES = "cluster.tar.gz"
SERVER_MANIFEST = "backup_manifest"
LONGEST_CHAIN = 7
"""A full backup and six increments: a week of nights, and each one more to restore."""
UNSUMMARIZED = "WAL summaries are required"
UNREACHED = "recovery ended before configured recovery target was reached"


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What decides how a backup is taken."""

    system_identifier: str
    timeline: int
    summarizes: bool
    archives: bool
    known: dict[str, Any]
    """The manifest's fields."""


def take(draft: Draft, url: str, spool: Path | None, state: Path, files: Path | None, is_full: bool) -> Manifest:
    """Copies the running server's files, or what changed since the last backup. Raises BackupError.

    `spool` is where its log waits for the archive; None: no point in time, only the moment of the backup.
    """
    facts = asyncio.run(_facts(url))
    spool = spool if facts.archives else None
    cluster = draft.scratch / "cluster"
    base = _copy(draft.repository, url, cluster, None if is_full else _base(draft.repository, facts, state), state)
    draft.repository.progress.step("pg_verifybackup: the copy against the server's own checksums")
    tools.run("pg_verifybackup", "-q", cluster)
    written = json.loads((cluster / SERVER_MANIFEST).read_text())["WAL-Ranges"][-1]
    span = WalRange(
        facts.system_identifier, written["Timeline"], written["Start-LSN"], written["End-LSN"], spool is not None
    )
    if spool is not None:
        archive_now(draft.repository, url, spool)
    _remember(cluster / SERVER_MANIFEST, state / draft.id)
    objects = draft.store(pack(cluster, draft.scratch / FILES), files)
    shutil.rmtree(cluster)
    return draft.finish(objects, base=base.id if base else None, wal=span, **facts.known)


def _copy(repository: Repository, url: str, cluster: Path, base: Manifest | None, state: Path) -> Manifest | None:
    """Copies the running server's files, or what changed since `base`; what the copy builds on.

    A server that ran without noting what it changes, be it once, has only all files to give.
    """
    arguments = ("-D", str(cluster), "-c", "fast", "-X", "stream", "--no-sync", "--manifest-checksums=SHA256")
    if base is not None:
        repository.progress.step(f"pg_basebackup: what changed since {base.id}")
        try:
            tools.run("pg_basebackup", *arguments, "--incremental", str(state / base.id), url=url)
        except ToolFailed as error:
            if UNSUMMARIZED not in str(error):
                raise
            repository.progress.step(f"the server did not note all that changed since {base.id}: a full backup is due")
            shutil.rmtree(cluster, ignore_errors=True)
        else:
            return base
    repository.progress.step("pg_basebackup: all files")
    tools.run("pg_basebackup", *arguments, url=url)
    return None


def assemble(repository: Repository, manifest: Manifest, target: Path, scratch: Path) -> None:
    """The cluster's files as they were, from the full backup and each increment, checked by Postgres's own tools.

    `target` is an empty folder, or none yet. Raises BackupError.
    """
    folders = []
    for number, part in enumerate(repository.chain(manifest)):
        repository.progress.step(f"fetching {part.id}")
        archive = repository.fetch(part, part.stored(f"{FILES}.age"), scratch)
        folders.append(unpack(archive, scratch / f"part_{number}"))
    for folder in folders:
        tools.run("pg_verifybackup", "-q", folder)
    if len(folders) == 1:
        shutil.copytree(folders[0], target, dirs_exist_ok=True)
    else:
        repository.progress.step("pg_combinebackup")
        tools.run("pg_combinebackup", "--no-sync", "-o", target, *folders)
    for folder in folders:
        shutil.rmtree(folder)


def restore(
    repository: Repository, manifest: Manifest, server: EmbeddedPostgres, at: datetime | None, scratch: Path
) -> None:
    """Puts the cluster in place and lets it recover: to `at`, else to the end of the log. Raises BackupError."""
    span = manifest.wal
    if span is None:
        raise Damaged(f"{manifest.id}: the manifest tells nothing of the log")
    if at is not None and not span.is_archived:
        raise Refused(
            f"{manifest.id}: the log was not archived then; it restores only the moment it was taken, without --at"
        )
    if at is not None and at < manifest.at:
        raise Refused(f"{manifest.id} was taken at {manifest.finished_at}, after {at.isoformat()}: name an earlier one")
    assemble(repository, manifest, server.data, scratch)
    log = scratch / "wal"
    log.mkdir()
    if span.is_archived:
        first = segment_at(span.timeline, span.start_lsn).name
        count = wal.fetch_from(repository, span.system_identifier, first, log)
        repository.progress.step(f"{count} files of the log from {first} on")
    for path in (log, *log.iterdir()):
        path.chmod(0o755)
    with _recovery(server.data, log, at):
        server.adopt()
        os.sync()  # the server syncs only what it writes itself
        _recover(server, manifest.owner, at, scratch)
    repository.progress.step("recovered" + (f" to {at.isoformat()}" if at else " to the end of the log"))


def archive_now(repository: Repository, url: str, spool: Path, only: str | None = None) -> None:
    """Returns when everything that a running server has written so far is in the archive.

    Does nothing where it archives nothing, or has another system identifier than `only`. Raises BackupError.
    """
    facts = asyncio.run(_facts(url))
    if facts.archives and only in (None, facts.system_identifier):
        wal.wait_for(repository, spool, facts.system_identifier, asyncio.run(_switch(url)))


def newest_before(repository: Repository, at: datetime) -> Manifest:
    """The physical backup to start from for a point in time. Raises NotFound."""
    found = [manifest for manifest in repository.of_kind("physical") if manifest.at <= at]
    if not found:
        raise NotFound(f"no physical backup in {repository.storage.place} was taken before {at.isoformat()}")
    return found[-1]


def _base(repository: Repository, facts: ServerFacts, state: Path) -> Manifest | None:
    """The backup to build on; None where a full one is due."""
    if not facts.summarizes:
        return None
    for manifest in reversed(repository.of_kind("physical")):
        span = manifest.wal
        if span is None or (span.system_identifier, span.timeline) != (facts.system_identifier, facts.timeline):
            continue
        if not (state / manifest.id).exists():
            return None
        return manifest if len(repository.chain(manifest)) < LONGEST_CHAIN else None
    return None


def _remember(written: Path, remembered: Path) -> None:
    """An increment needs the server's manifest of its base, and whoever backs up may lack the key to decrypt it."""
    remembered.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copyfile(written, remembered)
    remembered.chmod(0o600)


@contextmanager
def _recovery(data: Path, log: Path, at: datetime | None) -> Iterator[None]:
    """The settings of a recovery, for its length."""
    settings = [f'restore_command = \'cp "{log}/%f" "%p"\'', "recovery_target_action = 'promote'"]
    if at is not None:
        settings.append(f"recovery_target_time = '{at.astimezone(UTC).isoformat(sep=' ')}'")
    (data / "recovery.signal").touch()
    file = data / "postgresql.auto.conf"
    before = file.read_text()
    file.write_text(before + "\n" + "\n".join(settings) + "\n")
    yield
    file.write_text(before)


def _recover(server: EmbeddedPostgres, owner: str, at: datetime | None, scratch: Path) -> None:
    """Lets the server replay the log, then gives the stack's own role its password."""
    try:
        with private_postgres(server, owner, scratch) as url:
            asyncio.run(_let_in(url, server.password))
    except ToolFailed as error:
        if at is not None and UNREACHED in str(error):
            raise Refused(
                f"the archived log ends before {at.isoformat()}: give an earlier --at, or none to restore all of it"
            ) from None
        raise


async def _let_in(url: str, password: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", SUPERUSER):
            await connection.execute(f"CREATE ROLE {SUPERUSER}")
        quoted = await connection.fetchval("SELECT quote_literal($1::text)", password)
        await connection.execute(f"ALTER ROLE {SUPERUSER} SUPERUSER LOGIN PASSWORD {quoted}")
    finally:
        await connection.close()


async def _facts(url: str) -> ServerFacts:
    connection = await asyncpg.connect(url)
    try:
        row = await connection.fetchrow("""
            SELECT current_setting('archive_mode') <> 'off' AS archives,
                   (SELECT system_identifier FROM pg_control_system())::text AS system_identifier,
                   (SELECT timeline_id FROM pg_control_checkpoint()) AS timeline,
                   coalesce(current_setting('summarize_wal', true), 'off') = 'on' AS summarizes""")
        assert row is not None, "a SELECT without FROM has one row"
        return ServerFacts(**row, known=await database_facts(connection))
    finally:
        await connection.close()


async def _switch(url: str) -> str:
    """Ends the segment under way, so that it is archived now; its name.

    A record of its own goes before: a segment in which nothing was written is not ended.
    """
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SELECT pg_create_restore_point('shodhana backup')")
        return str(await connection.fetchval("SELECT pg_walfile_name(pg_switch_wal())"))
    finally:
        await connection.close()


def unneeded_wal(manifests: Iterable[Manifest], names: Iterable[str], system_identifier: str) -> list[str]:
    """Archived segments that lie before every physical backup of a server that is kept."""
    starts = [
        segment_at(span.timeline, span.start_lsn).number
        for manifest in manifests
        if (span := manifest.wal) is not None and span.system_identifier == system_identifier
    ]
    if not starts:
        return []
    first = min(starts)
    return [name for name in names if (segment := segment_named(name)) is not None and segment.number < first]
