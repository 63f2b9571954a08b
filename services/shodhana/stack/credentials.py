"""Passwords and client secrets, made at the first start and kept in files that only the owner reads."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .command_line import Unusable
from .places import StackDirectory

LOCAL_USER = "local-admin"
LOCAL_ROLES = ("admin", "expert_linguist", "processor", "viewer")
CALLERS = ("similarity", "quality", "review", "transcripts")
"""Services that call others; each has an account with the role `service_<name>`."""
BYTES = 24
DATABASE = "postgres"
HELD = (
    "A backup holds it: `shodhana restore latest-logical --to OTHER_DIRECTORY` puts it into "
    "OTHER_DIRECTORY/secrets.json, to be copied here. Nothing was changed"
)


class SecretsUnusable(Unusable):
    """The file of secrets is missing beside data that need it, or is none; the message says what to do."""


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
    """The stack's secrets; what is missing is made. Raises SecretsUnusable."""
    names = [DATABASE, "cache", "broker", "development-login", *(f"role {schema}" for schema in schemas)]
    names += [f"account {client_id}" for client_id in (LOCAL_USER, *CALLERS)]
    known = known_secrets(directory.secrets)
    values = {name: known.get(name) or secrets.token_urlsafe(BYTES) for name in names}
    if values != known:
        write_private(directory.secrets, known | values)
    accounts = [_account(values, LOCAL_USER, LOCAL_ROLES)]
    accounts += [_account(values, name, (f"service_{name}",)) for name in CALLERS]
    write_private(directory.service_accounts, accounts)
    return Credentials(values)


def require_password_of(data: Path, directory: StackDirectory) -> None:
    """A cluster keeps the password that it was made with. Raises SecretsUnusable where only a new one could be made."""
    if (data / "PG_VERSION").exists() and not known_secrets(directory.secrets).get(DATABASE):
        what = f"lacks {DATABASE!r}" if directory.secrets.exists() else "is missing"
        raise SecretsUnusable(
            f"{directory.secrets} {what}, and the data in {data} open only with the password in it. {HELD}"
        )


def known_secrets(path: Path) -> dict[str, str]:
    """What the file holds; nothing where there is none. Raises SecretsUnusable."""
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        raise SecretsUnusable(f"{path}: not JSON ({error}). {HELD}") from None
    if not isinstance(content, dict) or not all(isinstance(value, str) for value in content.values()):
        raise SecretsUnusable(f"{path}: must be an object of texts, one a secret. {HELD}")
    return content


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
