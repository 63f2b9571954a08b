"""What a backup says of itself, in JSON beside its objects; it is written last, so a backup with one is whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

from .errors import Damaged

Kind: TypeAlias = Literal["logical", "physical", "embeddings", "redis"]
KINDS: tuple[Kind, ...] = ("logical", "physical", "embeddings", "redis")
FORMAT = 1
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One encrypted file of a backup."""

    name: str
    size: int
    """Bytes as stored."""
    sha256: str
    """As stored, so that it can be checked without the key."""
    plain_size: int
    plain_sha256: str


@dataclass(frozen=True, slots=True)
class TableContent:
    """What a table holds: its rows and a hash over them that does not depend on their order."""

    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class WalRange:
    """What of the log a physical backup spans, and whether what follows is archived."""

    system_identifier: str
    timeline: int
    start_lsn: str
    stop_lsn: str
    is_archived: bool


@dataclass(frozen=True, slots=True)
class Manifest:
    """One backup."""

    id: str
    kind: Kind
    started_at: str
    """UTC, ISO 8601, as `finished_at`."""
    finished_at: str
    objects: tuple[StoredObject, ...]
    recipients: tuple[str, ...]
    server_version: str
    owner: str = ""
    """The role that took it."""
    base: str | None = None
    """The backup that this one holds the changes since."""
    wal: WalRange | None = None
    tables: Mapping[str, TableContent] = field(default_factory=dict)
    """Of logical backups and of embeddings, read in the snapshot that was dumped."""
    roles: tuple[str, ...] = ()
    migration: str = ""
    """The last one applied."""
    lexicon_version: Mapping[str, Any] = field(default_factory=dict)
    """Number, entries and content hash of the active one."""
    audit_head: Mapping[str, Any] = field(default_factory=dict)
    """Sequence and hash of the last entry of the audit log, when the backup was taken."""
    redis_keys: int | None = None
    shodhana_version: str = ""

    @property
    def size(self) -> int:
        """Bytes as stored."""
        return sum(stored.size for stored in self.objects)

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.finished_at)

    def stored(self, name: str) -> StoredObject:
        """Raises Damaged where the manifest names no such object."""
        for stored in self.objects:
            if stored.name == name:
                return stored
        raise Damaged(f"{self.id}: the manifest names no {name}")

    def has(self, name: str) -> bool:
        return any(stored.name == name for stored in self.objects)


def to_json(manifest: Manifest) -> bytes:
    """With a hash of itself."""
    body = asdict(manifest)
    return json.dumps({"format": FORMAT, "sha256": _digest(body), "manifest": body}, indent=2).encode() + b"\n"


def from_json(content: bytes, where: str) -> Manifest:
    """Raises Damaged."""
    try:
        read = json.loads(content)
        body, is_known = read["manifest"], read["format"] == FORMAT
        if not is_known:
            raise Damaged(f"{where}: format {read['format']} is newer than this version understands ({FORMAT})")
        if read["sha256"] != _digest(body):
            raise Damaged(f"{where}: the manifest was changed after it was written")
        return Manifest(**(body | _nested(body)))
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{where}: not a manifest ({type(error).__name__})") from error


def _nested(body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "objects": tuple(StoredObject(**stored) for stored in body["objects"]),
        "recipients": tuple(body["recipients"]),
        "roles": tuple(body["roles"]),
        "wal": WalRange(**body["wal"]) if body["wal"] else None,
        "tables": {name: TableContent(**content) for name, content in body["tables"].items()},
    }


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
