"""Everything that `shodhana status` shows beside the states of the parts."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

from .backup.errors import Damaged
from .backup.manifest import MANIFEST, from_json
from .figures import Figures, figures_of
from .places import StackDirectory
from .state import Phase, StackState
from .vitals import Vitals, vitals_of

KEPT = "figures.json"
BACKUPS = "backups"


@dataclass(frozen=True, slots=True)
class LastBackup:
    """The newest whole backup of a kind."""

    id: str
    kind: str
    age_s: float


@dataclass(frozen=True, slots=True)
class Overview:
    """A stack as it stands: its parts by name, its traffic and work, the last backup of each kind."""

    vitals: dict[str, Vitals]
    figures: Figures | None
    backups: tuple[LastBackup, ...]
    """The newest first."""


def overview_of(directory: StackDirectory, state: StackState) -> Overview:
    """Asks every part; takes about half a second. No figures where nothing runs."""
    runs = state.phase in (Phase.STARTING, Phase.READY)
    figures = figures_of(state.parts, state.started_at, directory.root / KEPT) if runs else None
    return Overview(vitals_of(state.parts) if runs else {}, figures, last_backups(directory))


def as_json(state: StackState, seen: Overview) -> dict[str, Any]:
    """The state, with memory, processor and traffic in each part."""
    content = asdict(state)
    traffic = seen.figures.traffic if seen.figures else {}
    for part in content["parts"]:
        for found in (seen.vitals.get(part["name"]), traffic.get(part["name"])):
            part.update(asdict(found) if found else {})
    content["traffic_over_s"] = round(seen.figures.over_s, 1) if seen.figures else None
    content["work"] = asdict(seen.figures.work) if seen.figures else None
    content["last_backups"] = [asdict(backup) for backup in seen.backups]
    return content


def last_backups(directory: StackDirectory) -> tuple[LastBackup, ...]:
    """The newest of each kind in a local folder; what lies elsewhere `shodhana backup list` shows."""
    target = os.environ.get("SHODHANA_BACKUP_TARGET") or str(directory.root / BACKUPS)
    if "://" in target:
        return ()
    found = [backup for path in Path(target).glob(f"*/{MANIFEST}") if (backup := _backup(path))]
    newest = {backup.kind: backup for backup in sorted(found, key=lambda backup: -backup.age_s)}
    return tuple(sorted(newest.values(), key=lambda backup: backup.age_s))


def _backup(path: Path) -> LastBackup | None:
    try:
        manifest = from_json(path.read_bytes(), str(path))
    except (OSError, Damaged):
        return None
    finished_at = manifest.at if manifest.at.tzinfo else manifest.at.replace(tzinfo=UTC)
    return LastBackup(manifest.id, manifest.kind, max(0.0, time.time() - finished_at.astimezone(UTC).timestamp()))
