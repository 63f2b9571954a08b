"""When each kind of backup was last taken, for who watches over it."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from .manifest import Manifest
from .repository import Repository


def write_ages(repository: Repository, path: Path) -> None:
    """Writes to `path`, whole or not at all, what node_exporter's textfile collector reads of the newest backups."""
    registry = CollectorRegistry()
    taken_at = Gauge(
        "shodhana_backup_last_success_timestamp_seconds", "When the newest backup ended.", ["kind"], registry=registry
    )
    size = Gauge("shodhana_backup_last_size_bytes", "Its size as stored.", ["kind"], registry=registry)
    manifests, _ = repository.manifests()
    newest: dict[str, Manifest] = {}
    for manifest in sorted(manifests, key=lambda one: one.at):
        newest[manifest.kind] = manifest
    for kind, manifest in newest.items():
        taken_at.labels(kind).set(manifest.at.timestamp())
        size.labels(kind).set(manifest.size)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_to_textfile(str(path), registry)
