"""The log-in of a person, kept between commands in a file that only they read."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

NOT_USED = "SHODHANA_NO_LOGIN"
"""Set: calls are made with the credentials of the profile, whoever is logged in."""
PRIVATE = 0o600
PRIVATE_FOLDER = 0o700


@dataclass(frozen=True, slots=True)
class Tokens:
    """As identity gave them; times in seconds since 1970."""

    access_token: str
    expires_at: float
    refresh_token: str
    login_expires_at: float


def configuration_folder() -> Path:
    """`$XDG_CONFIG_HOME/shodhana`, else `~/.config/shodhana`."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "shodhana"


class StoredLogin:
    """The log-in at one gateway. Of several processes, one at a time renews it: a refresh token is used once."""

    def __init__(self, gateway: str) -> None:
        self.path = configuration_folder() / "logins" / f"{re.sub(r'[^A-Za-z0-9.-]', '_', gateway)}.json"
        self._lock: int | None = None

    @classmethod
    def of(cls, gateway: str) -> StoredLogin | None:
        """The one to call with; None where nobody is logged in, or the log-in is not to be used."""
        found = cls(gateway)
        return None if os.environ.get(NOT_USED) or found.read() is None else found

    def read(self) -> Tokens | None:
        """None where there is none, or what is there is none."""
        try:
            return Tokens(**json.loads(self.path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, tokens: Tokens) -> None:
        """Whole or not at all, for its owner alone."""
        write_private(self.path, asdict(tokens))

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)

    def acquire(self) -> None:
        """Waits until no other process renews it."""
        if sys.platform != "win32":
            import fcntl

            self._make_folder()
            self._lock = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, PRIVATE)
            fcntl.flock(self._lock, fcntl.LOCK_EX)

    def release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _make_folder(self) -> None:
        self.path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)


def write_private(path: Path, document: Any) -> None:
    """JSON that only its owner reads, whole or not at all."""
    path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=2)
    scratch.replace(path)
