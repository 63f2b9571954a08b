"""Where a stack's servers and its backups are."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..credentials import HELD, SecretsUnusable, known_secrets
from ..places import StackDirectory
from ..postgres import EmbeddedPostgres
from ..redis import EmbeddedRedis
from ..state import Phase, read_state
from .errors import Refused

TARGET = "SHODHANA_BACKUP_TARGET"
BROKER = "redis-broker"


@dataclass(frozen=True, slots=True)
class Source:
    """A stack, and the user's own servers where the environment names some, as `up` reads it."""

    directory: StackDirectory
    environment: Mapping[str, str]

    @property
    def target(self) -> str:
        """Where its backups are by default."""
        return self.environment.get(TARGET) or str(self.directory.root / "backups")

    @property
    def postgres_url(self) -> str:
        """Raises Refused where no server runs."""
        if own := self.environment.get("DATABASE_URL"):
            return own
        return EmbeddedPostgres(self.directory.part("postgres"), self._port("postgres"), self._secret("postgres")).url

    @property
    def broker_url(self) -> str:
        """Raises Refused where no server runs, or where the broker is no Redis."""
        if own := self.environment.get("CELERY_BROKER_URL"):
            if not own.startswith("redis://"):
                raise Refused("CELERY_BROKER_URL: only redis:// can be backed up from here")
            return own
        server = EmbeddedRedis(self.directory.part(BROKER), self._port(BROKER), self._secret("broker"), "broker")
        return server.url

    @property
    def spool(self) -> Path | None:
        """Where the stack's Postgres puts finished segments of its log; None where it archives nothing."""
        folder = self.directory.part("postgres")
        if self.environment.get("DATABASE_URL") or not (folder / "wal_spool").exists():
            return None
        return EmbeddedPostgres(folder, 0, "").spool

    @property
    def state(self) -> Path:
        """What only this machine has to remember of its backups."""
        return self.directory.root / "backup_state"

    def _port(self, name: str) -> int:
        state = read_state(self.directory)
        ports = [part.port for part in state.parts if part.name == name and part.pid]
        if state.phase is not Phase.READY or not ports or ports[0] is None:
            raise Refused(
                f"no stack runs in {self.directory.root}: start it (`shodhana up --detach`), "
                "name another by --dir, or set DATABASE_URL and CELERY_BROKER_URL to servers of your own"
            )
        return ports[0]

    def _secret(self, name: str) -> str:
        secrets = known_secrets(self.directory.secrets)
        if name not in secrets:
            raise SecretsUnusable(f"{self.directory.secrets}: holds no secret of {name}. {HELD}")
        return secrets[name]


def is_running(directory: StackDirectory) -> bool:
    return read_state(directory).phase is Phase.READY


def source_of(directory: StackDirectory) -> Source:
    """Of the stack in a directory."""
    return Source(directory, os.environ)
