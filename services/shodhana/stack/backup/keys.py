"""The keys of backups, in the format of age: whoever backs up needs the public half alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyrage

from .errors import BackupError, Damaged, KeyMissing, WrongKey
from .streams import Reader, Writer

RECIPIENTS, KEY, KEY_FILE = "SHODHANA_BACKUP_RECIPIENTS", "SHODHANA_BACKUP_KEY", "SHODHANA_BACKUP_KEY_FILE"
SECRET_PREFIX = "AGE-SECRET-KEY-"
HOW = f"`shodhana backup key FILE` makes one; then set {KEY_FILE}=FILE"


@dataclass(frozen=True, slots=True)
class Keys:
    """Public halves to encrypt for, secret halves to decrypt with; either may be absent until it is needed."""

    recipients: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()

    def require_recipients(self) -> tuple[str, ...]:
        """Raises KeyMissing."""
        if not self.recipients:
            raise KeyMissing(
                f"no key to encrypt for: set {RECIPIENTS} (public, age1…), or {KEY_FILE} or {KEY}. "
                f"Nothing is stored unencrypted. {HOW}"
            )
        return self.recipients

    def require_secrets(self) -> tuple[str, ...]:
        """Raises KeyMissing."""
        if not self.secrets:
            raise KeyMissing(f"no key to decrypt with: set {KEY_FILE} or {KEY} to the secret key (AGE-SECRET-KEY-…)")
        return self.secrets

    def encrypt(self, plain: Reader, cipher: Writer) -> None:
        """Raises KeyMissing."""
        recipients = [pyrage.x25519.Recipient.from_str(text) for text in self.require_recipients()]
        pyrage.encrypt_io(plain, cipher, recipients)

    def decrypt(self, cipher: Reader, plain: Writer, encrypted_for: tuple[str, ...] = ()) -> None:
        """Raises KeyMissing, WrongKey, and Damaged where the content was cut or changed."""
        secrets = [pyrage.x25519.Identity.from_str(text) for text in self.require_secrets()]
        try:
            pyrage.decrypt_io(cipher, plain, secrets)
        except OSError as error:
            if error.errno is not None:
                raise  # the disk's
            raise Damaged(f"does not decrypt: {error}") from None
        except pyrage.DecryptError as error:
            if "matching keys" not in str(error):
                raise Damaged(f"does not decrypt: {error}") from None
            wanted = f"it was encrypted for {', '.join(encrypted_for)}; " if encrypted_for else ""
            mine = ", ".join(str(secret.to_public()) for secret in secrets)
            raise WrongKey(f"wrong key: {wanted}the key given is that of {mine}") from None


def keys_from(environment: Mapping[str, str]) -> Keys:
    """The keys that the environment names. Raises BackupError for one that is none."""
    secrets = _secrets(environment.get(KEY, ""), KEY)
    if path := environment.get(KEY_FILE):
        try:
            secrets += _secrets(Path(path).read_text(), path)
        except OSError as error:
            raise KeyMissing(f"{KEY_FILE}={path}: {error.strerror}. {HOW}") from None
        if not secrets:
            raise KeyMissing(f"{KEY_FILE}={path}: no line in it begins with {SECRET_PREFIX}")
    given = environment.get(RECIPIENTS, "").replace(",", " ").split()
    for text in given:
        try:
            pyrage.x25519.Recipient.from_str(text)
        except pyrage.RecipientError:
            raise BackupError(f"{RECIPIENTS}: {text!r} is no public key of age (age1…)") from None
    own = [str(pyrage.x25519.Identity.from_str(secret).to_public()) for secret in secrets]
    return Keys(tuple(dict.fromkeys(given or own)), tuple(secrets))


def make_key(path: Path) -> str:
    """Writes a new secret key to a file that only the owner reads; its public half. Raises FileExistsError."""
    secret = pyrage.x25519.Identity.generate()
    public = str(secret.to_public())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"# public key: {public}\n{secret}\n")
    return public


def _secrets(text: str, where: str) -> list[str]:
    found = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    for line in found:
        try:
            pyrage.x25519.Identity.from_str(line)
        except pyrage.IdentityError:
            raise BackupError(f"{where}: not a secret key of age (one line, {SECRET_PREFIX}…)") from None
    return found
