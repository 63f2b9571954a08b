"""Passwords and client secrets, made at the first start and kept in files that only the owner reads."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .places import StackDirectory

LOCAL_USER = "local-admin"
LOCAL_ROLES = ("admin", "expert_linguist", "processor", "viewer")
CALLERS = ("similarity", "quality", "review", "transcripts")
"""Services that call others; each has an account with the role `service_<name>`."""
BYTES = 24


@dataclass(frozen=True, slots=True)
class Credentials:
    """Every secret of one stack, by a name that says whose it is ("postgres", "account similarity")."""

    values: Mapping[str, str]

    def of(self, name: str) -> str:
        return self.values[name]

    def account(self, client_id: str) -> str:
        """The client secret of a service account."""
        return self.values[f"account {client_id}"]


def ensure_credentials(directory: StackDirectory, schemas: tuple[str, ...]) -> Credentials:
    """The stack's secrets; what is missing is made."""
    names = ["postgres", "cache", "broker", "development-login", *(f"role {schema}" for schema in schemas)]
    names += [f"account {client_id}" for client_id in (LOCAL_USER, *CALLERS)]
    known = json.loads(directory.secrets.read_text()) if directory.secrets.exists() else {}
    values = {name: known.get(name) or secrets.token_urlsafe(BYTES) for name in names}
    if values != known:
        write_private(directory.secrets, known | values)
    accounts = [_account(values, LOCAL_USER, LOCAL_ROLES)]
    accounts += [_account(values, name, (f"service_{name}",)) for name in CALLERS]
    write_private(directory.service_accounts, accounts)
    return Credentials(values)


def write_private(path: Path, content: object) -> None:
    """Writes JSON that only the owner reads, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file, indent=2)
    scratch.replace(path)


def _account(values: Mapping[str, str], client_id: str, roles: tuple[str, ...]) -> dict[str, object]:
    return {"client_id": client_id, "client_secret": values[f"account {client_id}"], "roles": list(roles)}
