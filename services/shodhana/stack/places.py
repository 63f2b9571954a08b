"""Where the project's own files stand, and what stands where in a stack's directory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(os.environ.get("SHODHANA_HOME", Path(__file__).resolve().parents[3]))
MIGRATIONS = PROJECT / "database" / "migrations"
GLOSSARY = PROJECT / "database" / "glossary"
VERSES = PROJECT / "database" / "verses"
GATEWAY = PROJECT / "gateway"
DASHBOARD = PROJECT / "clients" / "dashboard" / "dist"
MODEL = Path(os.environ.get("SEMANTIC_MODEL_PATH", PROJECT / ".models" / "all-minilm-l6-v2")).resolve()


def default_directory() -> Path:
    """`SHODHANA_DIR`, else `.shodhana` in the project."""
    return Path(os.environ.get("SHODHANA_DIR", PROJECT / ".shodhana")).resolve()


@dataclass(frozen=True, slots=True)
class StackDirectory:
    """All data of one stack."""

    root: Path

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def state(self) -> Path:
        return self.root / "state.json"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets.json"

    @property
    def service_accounts(self) -> Path:
        return self.root / "service_accounts.json"

    @property
    def client(self) -> Path:
        """Where the command-line tool finds the gateway and the local user's credentials."""
        return self.root / "client.json"

    @property
    def jwks(self) -> Path:
        return self.root / "jwks.json"

    @property
    def signing_key(self) -> Path:
        return self.root / "signing_key.json"

    @property
    def tls(self) -> Path:
        return self.root / "tls"

    @property
    def mesh(self) -> Path:
        """Certificates for calls within the mesh, a folder for each service."""
        return self.root / "mesh"

    @property
    def envoy(self) -> Path:
        return self.root / "envoy.yaml"

    def part(self, name: str) -> Path:
        """The directory of a server ("postgres")."""
        return self.root / name
