"""The signing key in a file of its own, and the JWK set in another that everybody reads."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

ALGORITHM = "ES256"
PRIVATE = 0o600
PUBLIC = 0o644


class KeyFileSigner:
    """Signs with the key in `signing_key_path`, which the first process to start makes.

    Replicas share the file: it is linked into place whole, so that two that start at once agree on one key.
    """

    def __init__(self, signing_key_path: Path, jwks_path: Path) -> None:
        if not signing_key_path.exists():
            _make_key(signing_key_path)
        self._key = ECKey.import_key(json.loads(signing_key_path.read_text()))
        self._header = {"alg": ALGORITHM, "typ": "JWT", "kid": self._key.kid}
        _replace(jwks_path, json.dumps({"keys": self.public_keys()}, indent=2), PUBLIC)

    def sign(self, claims: Mapping[str, Any]) -> str:
        return jwt.encode(self._header, dict(claims), self._key, algorithms=[ALGORITHM])

    def public_keys(self) -> list[dict[str, str]]:
        return [{str(name): str(value) for name, value in self._key.as_dict(private=False).items()}]


def _make_key(path: Path) -> None:
    key = ECKey.generate_key("P-256", parameters={"use": "sig", "alg": ALGORITHM}, private=True, auto_kid=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f"{path.name}.{os.getpid()}")
    _write(scratch, json.dumps(key.as_dict(private=True)), PRIVATE)
    try:
        path.hardlink_to(scratch)
    except FileExistsError:
        pass  # another replica was first: its key is the key
    finally:
        scratch.unlink()


def _replace(path: Path, text: str, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f"{path.name}.{os.getpid()}")
    _write(scratch, text, mode)
    scratch.replace(path)


def _write(path: Path, text: str, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
