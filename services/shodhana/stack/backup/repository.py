"""Backups in a storage: objects are hashed, encrypted and sent; fetched, checked and decrypted."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from .errors import Damaged, NotFound
from .keys import Keys
from .manifest import MANIFEST, Kind, Manifest, StoredObject, from_json, to_json
from .progress import Progress, Silent
from .storage import Storage
from .streams import Hashing, sha256_of

ENCRYPTED = ".age"
WAL = "wal"
LATEST = "latest"


class Repository:
    """Every backup of one storage."""

    def __init__(self, storage: Storage, keys: Keys, progress: Progress | None = None) -> None:
        self.storage = storage
        self.keys = keys
        self.progress = progress or Silent()

    def store(self, backup_id: str, plain: Path) -> StoredObject:
        """Encrypts a file and stores it under its name. Raises KeyMissing, StorageFailed."""
        name = plain.name + ENCRYPTED
        with tempfile.TemporaryFile() as cipher, plain.open("rb") as file:
            reader = Hashing(file)
            self.keys.encrypt(reader, cipher)
            size = cipher.tell()
            digest = sha256_of(cipher)
            with self.progress.bytes_of(name, cipher, size) as shown:
                self.storage.put(f"{backup_id}/{name}", shown)
        return StoredObject(name, size, digest, plain.stat().st_size, reader.digest)

    def fetch(self, manifest: Manifest, stored: StoredObject, folder: Path) -> Path:
        """The object, decrypted into a file in `folder`. Raises NotFound, Damaged, WrongKey, KeyMissing."""
        plain = folder / stored.name.removesuffix(ENCRYPTED)
        with self.checked(manifest, stored) as cipher, plain.open("wb") as file:
            writer = Hashing(file)
            try:
                self.keys.decrypt(cipher, writer, manifest.recipients)
            except Damaged as error:
                raise Damaged(f"{manifest.id}/{stored.name}: {error}") from None
        if writer.digest != stored.plain_sha256:
            raise Damaged(f"{manifest.id}/{stored.name}: decrypts to something else than was backed up")
        return plain

    @contextmanager
    def checked(self, manifest: Manifest, stored: StoredObject) -> Iterator[IO[bytes]]:
        """The object as stored, after its size and hash were found right. Raises NotFound, Damaged."""
        name = f"{manifest.id}/{stored.name}"
        with tempfile.TemporaryFile() as cipher:
            self.storage.get(name, cipher)
            if (size := cipher.tell()) != stored.size:
                raise Damaged(f"{name}: {size} bytes, {stored.size} were stored")
            if sha256_of(cipher) != stored.sha256:
                raise Damaged(f"{name}: its content was changed (sha256 differs from the manifest)")
            yield cipher

    def finish(self, manifest: Manifest) -> None:
        """Writes the manifest: from now on the backup exists."""
        self.storage.put(f"{manifest.id}/{MANIFEST}", io.BytesIO(to_json(manifest)))

    def manifest(self, backup_id: str) -> Manifest:
        """By its id, or `latest`, or `latest-KIND`. Raises NotFound, Damaged."""
        if backup_id == LATEST or backup_id.startswith(f"{LATEST}-"):
            return self._latest(backup_id)
        content = io.BytesIO()
        try:
            self.storage.get(f"{backup_id}/{MANIFEST}", content)
        except NotFound:
            names = ", ".join(self.ids()[-5:]) or "none yet"
            raise NotFound(f"no backup {backup_id!r} in {self.storage.place}; the last ones: {names}") from None
        return from_json(content.getvalue(), f"{backup_id}/{MANIFEST}")

    def ids(self) -> list[str]:
        """Of every backup that was finished, the oldest first."""
        return sorted(name.removesuffix(f"/{MANIFEST}") for name in self.storage.sizes() if name.endswith(MANIFEST))

    def manifests(self) -> tuple[list[Manifest], list[str]]:
        """Every backup, the oldest first, and what is wrong with those that cannot be read."""
        read, faults = list[Manifest](), list[str]()
        for backup_id in self.ids():
            try:
                read.append(self.manifest(backup_id))
            except Damaged as error:
                faults.append(str(error))
        return sorted(read, key=lambda manifest: manifest.finished_at), faults

    def of_kind(self, kind: Kind) -> list[Manifest]:
        """Those that can be read, the oldest first."""
        return [manifest for manifest in self.manifests()[0] if manifest.kind == kind]

    def chain(self, manifest: Manifest) -> list[Manifest]:
        """The full backup that `manifest` builds on, each increment, itself. Raises NotFound, Damaged."""
        chain = [manifest]
        while (base := chain[0].base) is not None:
            chain.insert(0, self.manifest(base))
        return chain

    def delete(self, backup_id: str) -> None:
        """The manifest first: what is left of a half deleted backup is no backup."""
        self.storage.delete(f"{backup_id}/{MANIFEST}")
        for name in self.storage.sizes(backup_id):
            self.storage.delete(name)

    def store_wal(self, system_identifier: str, plain: Path) -> bool:
        """Stores a file of the log; False where it was there already. Raises Damaged where another of its name is."""
        digest, known = _digest_of(plain), self.wal(system_identifier).get(plain.name)
        if known is not None:
            if known == digest:
                return False
            raise Damaged(
                f"{plain.name} is archived already with other content: two servers write to {self.storage.place}"
            )
        with tempfile.TemporaryFile() as cipher, plain.open("rb") as file:
            self.keys.encrypt(file, cipher)
            cipher.seek(0)
            self.storage.put(_wal_object(system_identifier, plain.name, digest), cipher)
        return True

    def wal(self, system_identifier: str) -> dict[str, str]:
        """The archived files of a server's log, in order, each with the beginning of the hash of its content."""
        names = (name.rpartition("/")[2] for name in self.storage.sizes(f"{WAL}/{system_identifier}"))
        pairs = (name.removesuffix(ENCRYPTED).rpartition("-") for name in names)
        return dict(sorted((name, digest) for name, _, digest in pairs))

    def fetch_wal(self, system_identifier: str, name: str, digest: str, target: Path) -> None:
        """Raises NotFound, Damaged, WrongKey, KeyMissing."""
        with tempfile.TemporaryFile() as cipher:
            self.storage.get(_wal_object(system_identifier, name, digest), cipher)
            cipher.seek(0)
            with target.open("wb") as file:
                try:
                    self.keys.decrypt(cipher, file)
                except Damaged as error:
                    raise Damaged(f"{WAL}/{name}: {error}") from None
        if _digest_of(target) != digest:
            raise Damaged(f"{WAL}/{name}: decrypts to something else than was archived")

    def delete_wal(self, system_identifier: str, name: str, digest: str) -> None:
        self.storage.delete(_wal_object(system_identifier, name, digest))

    def _latest(self, wanted: str) -> Manifest:
        kind = wanted.removeprefix(LATEST).lstrip("-")
        found = [manifest for manifest in self.manifests()[0] if kind in ("", manifest.kind)]
        if not found:
            raise NotFound(f"no {kind} backup in {self.storage.place}".replace("  ", " "))
        return found[-1]


def _wal_object(system_identifier: str, name: str, digest: str) -> str:
    return f"{WAL}/{system_identifier}/{name}-{digest}{ENCRYPTED}"


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return sha256_of(file)[:32]
