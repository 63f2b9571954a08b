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
PUBLISHED = ("kty", "crv", "x", "y", "kid", "alg", "use")
PRIVATE = 0o600
PUBLIC = 0o644


class KeyFileSigner:
    """Signs with the key in `signing_key_path`, which the first process to start makes.

    Replicas share the file: it is linked into place whole, so that two that start at once agree on one key. To change
    keys, the file may hold a JWK set: the first key signs, all are published.
    """

    def __init__(self, signing_key_path: Path, jwks_path: Path) -> None:
        if not signing_key_path.exists():
            _make_key(signing_key_path)
        found = json.loads(signing_key_path.read_text())
        self._keys = [ECKey.import_key(key) for key in found.get("keys", [found])]
        for key in self._keys:
            key.ensure_kid()
        self._header = {"alg": ALGORITHM, "typ": "JWT", "kid": self._keys[0].kid}
        _replace(jwks_path, json.dumps({"keys": self.public_keys()}, indent=2), PUBLIC)

    def sign(self, claims: Mapping[str, Any]) -> str:
        return jwt.encode(self._header, dict(claims), self._keys[0], algorithms=[ALGORITHM])

    def public_keys(self) -> list[dict[str, str]]:
        published = (key.as_dict(private=False, use="sig", alg=ALGORITHM) for key in self._keys)
        return [{name: str(key[name]) for name in PUBLISHED} for key in published]


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
