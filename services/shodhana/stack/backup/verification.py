"""Is a backup good? Its objects as stored, what they decrypt to, the log after it, and in depth a restored server."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..migrations import migrate
from ..ports import free_port
from ..postgres import DATABASE, EmbeddedPostgres
from ..redis import EmbeddedRedis
from . import embeddings, logical, physical, redis_data, tools, wal
from .errors import BackupError, KeyMissing, StorageFailed, WrongKey
from .manifest import Manifest
from .repository import Repository
from .scratch import fresh_postgres, open_folder, private_postgres
from .segments import missing, segment_at


@dataclass(slots=True)
class Findings:
    """What a check found."""

    passed: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    """What could not be looked at, and why."""

    @property
    def is_good(self) -> bool:
        return not self.faults


def verify(repository: Repository, manifest: Manifest, is_deep: bool) -> Findings:
    """Checks a backup and every backup it builds on; goes on after a fault, to name them all.

    Raises WrongKey, StorageFailed: they say nothing about the backup.
    """
    findings = Findings()
    chain = _chain(repository, manifest, findings)
    for part in chain:
        _check_objects(repository, part, findings)
    if chain and manifest.wal is not None and manifest.wal.is_archived:
        _check_wal(repository, chain[0], findings)
    if is_deep and findings.is_good:
        _check_deeply(repository, manifest, findings)
    return findings


def _chain(repository: Repository, manifest: Manifest, findings: Findings) -> list[Manifest]:
    try:
        return repository.chain(manifest)
    except BackupError as error:
        findings.faults.append(f"what it builds on: {error}")
        return [manifest]


def _check_objects(repository: Repository, manifest: Manifest, findings: Findings) -> None:
    for stored in manifest.objects:
        name = f"{manifest.id}/{stored.name}"
        repository.progress.step(f"checking {name}")
        try:
            with open_folder() as folder:
                if repository.keys.secrets:
                    repository.fetch(manifest, stored, folder)
                    findings.passed.append(f"{name}: stored as written, decrypts to what was backed up")
                else:
                    with repository.checked(manifest, stored):
                        findings.passed.append(f"{name}: stored as written")
                    findings.unchecked.append(f"{name}: whether it decrypts (no secret key given)")
        except BackupError as error:
            _raise_unless_fault(error)
            findings.faults.append(str(error))


def _check_wal(repository: Repository, first: Manifest, findings: Findings) -> None:
    """Every segment since the oldest backup of the chain: a gap ends every recovery there."""
    span = first.wal
    assert span is not None, "a chain is of physical backups"
    start = segment_at(span.timeline, span.start_lsn)
    names = repository.wal(span.system_identifier)
    lacking = missing([*names], start)
    findings.faults += [f"segment {name} of the log is missing: no recovery gets past it" for name in lacking]
    since = {name: digest for name, digest in names.items() if name[8:24] >= start.name[8:]}
    if not repository.keys.secrets:
        findings.unchecked.append(f"the content of {len(since)} files of the log (no secret key given)")
        return
    repository.progress.step(f"checking {len(since)} files of the log")
    faults = []
    with open_folder() as folder:
        for name, digest in since.items():
            try:
                wal.fetch(repository, span.system_identifier, name, digest, folder).unlink()
            except BackupError as error:
                _raise_unless_fault(error)
                faults.append(str(error))
    findings.faults += faults
    if not lacking and not faults:
        findings.passed.append(f"the log: {len(since)} files from {start.name} on, without a gap, each as archived")


def _check_deeply(repository: Repository, manifest: Manifest, findings: Findings) -> None:
    """Restores into a server that lives as long as the check."""
    if not repository.keys.secrets:
        findings.unchecked.append("whether it restores (no secret key given)")
        return
    checks = {"logical": _logical, "physical": _physical, "embeddings": _embeddings, "redis": _redis}
    try:
        with open_folder() as folder:
            findings.passed.append(checks[manifest.kind](repository, manifest, folder))
    except BackupError as error:
        _raise_unless_fault(error)
        findings.faults.append(str(error))


def _logical(repository: Repository, manifest: Manifest, folder: Path) -> str:
    with fresh_postgres(folder) as server:
        logical.restore(repository, manifest, server.url_of("shodhana", server.password), folder)
    return f"restores: {len(manifest.tables)} tables, each with the rows and the hash it was backed up with"


def _physical(repository: Repository, manifest: Manifest, folder: Path) -> str:
    server = EmbeddedPostgres(folder / "postgres", free_port(), "", volatile=True)
    physical.assemble(repository, manifest, server.data, folder)
    server.adopt()
    with private_postgres(server, manifest.owner, folder) as url:
        repository.progress.step("pg_amcheck: every table and index")
        tools.run("pg_amcheck", "--install-missing", "-j", tools.PARALLEL, DATABASE, url=url)
    return "restores: the server starts from it, and pg_amcheck finds no fault in its tables and indexes"


def _embeddings(repository: Repository, manifest: Manifest, folder: Path) -> str:
    with fresh_postgres(folder) as server:
        migrate(server.url)
        embeddings.restore(repository, manifest, server.url, folder, may_replace=False)
    return f"restores: {len(manifest.tables)} tables of vectors, each with the rows and the hash it was backed up with"


def _redis(repository: Repository, manifest: Manifest, folder: Path) -> str:
    server = EmbeddedRedis(folder / "redis", free_port(), "only-here", "broker")
    keys = redis_data.restore(repository, manifest, server, folder)
    return f"restores: {keys:,} of {manifest.redis_keys:,} keys live (the others had an end that has passed)"


def _raise_unless_fault(error: BackupError) -> None:
    if isinstance(error, (WrongKey, StorageFailed, KeyMissing)):
        raise error
