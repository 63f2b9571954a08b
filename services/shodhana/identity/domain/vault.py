"""Records that live for a while: sessions, log-ins under way, codes that hold once."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Protocol

Record = Mapping[str, Any]
"""What JSON holds."""


class Vault(Protocol):
    """Where they are kept; a key is a secret, of which no more than a hash is stored."""

    async def put(self, kind: str, key: str, record: Record, life_s: float) -> None:
        """Stores a record under `kind` ("session") and a key, in place of any other."""
        ...

    async def get(self, kind: str, key: str, life_s: float | None = None) -> dict[str, Any] | None:
        """The record; with `life_s` it then lives that long again, to within a twentieth."""
        ...

    async def take(self, kind: str, key: str) -> dict[str, Any] | None:
        """The record, which is gone then: of two who ask, one gets it."""
        ...

    async def swap(self, kind: str, key: str, old: Record, new: Record, life_s: float) -> bool:
        """Puts `new` where `old` still stands; whether it did."""
        ...

    async def drop(self, kind: str, key: str) -> None:
        """Removes the record, if there is one."""
        ...

    async def count(self, kind: str, key: str, window_s: float) -> int:
        """How often it was called with this key, this time included, since the first time within the window."""
        ...


def new_key() -> str:
    """A secret of 256 random bits, as text."""
    return secrets.token_urlsafe(32)
