"""What every kind of backup does alike: its name, its scratch folder, its manifest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import asyncpg

from .manifest import Kind, Manifest, StoredObject
from .repository import Repository


@dataclass(frozen=True, slots=True)
class Draft:
    """A backup under way."""

    id: str
    kind: Kind
    started_at: str
    repository: Repository
    scratch: Path
    """An empty folder for its work."""

    def store(self, *paths: Path | None) -> tuple[StoredObject, ...]:
        """Encrypts and stores files, where there are any; they are deleted then."""
        stored = list[StoredObject]()
        for path in paths:
            if path is not None:
                stored.append(self.repository.store(self.id, path))
                path.unlink()
        return tuple(stored)

    def finish(self, objects: tuple[StoredObject, ...], server_version: str, **known: Any) -> Manifest:
        """Writes the manifest."""
        manifest = Manifest(
            id=self.id,
            kind=self.kind,
            started_at=self.started_at,
            finished_at=_now().isoformat(),
            objects=objects,
            recipients=self.repository.keys.require_recipients(),
            server_version=server_version,
            shodhana_version=version("shodhana"),
            **known,
        )
        self.repository.finish(manifest)
        return manifest


def begin(kind: Kind, repository: Repository, scratch: Path) -> Draft:
    """Raises KeyMissing: nothing is begun that could not be stored."""
    repository.keys.require_recipients()
    now = _now()
    taken = set(repository.ids())
    backup_id = f"{now:%Y%m%dT%H%M%SZ}-{kind}"
    number = 2
    while backup_id in taken:
        backup_id, number = f"{now:%Y%m%dT%H%M%SZ}.{number}-{kind}", number + 1
    return Draft(backup_id, kind, now.isoformat(), repository, scratch)


async def database_facts(connection: asyncpg.Connection[Any]) -> dict[str, Any]:
    """The manifest's fields that a database tells of itself."""
    lexicon = await _row(
        connection,
        "similarity.lexicon_version",
        "SELECT version_id, entry_count, content_hash FROM similarity.lexicon_version WHERE active",
    )
    migration = await _row(
        connection, "public.schema_migrations", "SELECT max(version) AS version FROM public.schema_migrations"
    )
    head = await _row(
        connection,
        "audit.entries",
        "SELECT sequence, encode(hash, 'hex') AS hash FROM audit.entries ORDER BY sequence DESC LIMIT 1",
    )
    roles = await connection.fetch("SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND NOT rolsuper ORDER BY 1")
    return {
        "server_version": await connection.fetchval("SHOW server_version"),
        "owner": await connection.fetchval("SELECT current_user"),
        "migration": (migration or {}).get("version") or "",
        "lexicon_version": lexicon or {},
        "audit_head": head or {},
        "roles": tuple(row[0] for row in roles),
    }


async def _row(connection: asyncpg.Connection[Any], table: str, query: str) -> dict[str, Any] | None:
    if await connection.fetchval("SELECT to_regclass($1)", table) is None:
        return None
    found = await connection.fetchrow(query)
    return dict(found) if found else None


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
