"""Where backups are kept: objects by name, in a folder or in a bucket."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from .errors import NotFound, Refused, StorageFailed
from .streams import Reader, Writer

S3 = "s3://"
CHUNK = 1 << 20


class Storage(Protocol):
    """Objects by name ("20261128T180124Z-logical/manifest.json")."""

    @property
    def place(self) -> str:
        """As a person names it."""
        ...

    def put(self, name: str, content: Reader) -> None:
        """Stores an object, whole or not at all. Raises StorageFailed."""
        ...

    def get(self, name: str, target: Writer) -> None:
        """Raises NotFound, StorageFailed."""
        ...

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """Every object below a folder ("wal/7"), with its bytes. Raises StorageFailed."""
        ...

    def delete(self, name: str) -> None:
        """Deletes an object, where it is there. Raises StorageFailed."""
        ...


class Folder:
    """A folder of this machine, or one that is mounted."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def place(self) -> str:
        return str(self._root)

    def put(self, name: str, content: Reader) -> None:
        path = self._root / name
        scratch = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                _copy(content, file)
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(path)
            _sync_folder(path.parent)
        except OSError as error:
            with suppress(OSError):
                scratch.unlink()
            raise StorageFailed(f"cannot write {path}: {error.strerror}") from error

    def get(self, name: str, target: Writer) -> None:
        try:
            with (self._root / name).open("rb") as file:
                _copy(file, target)
        except FileNotFoundError:
            raise NotFound(f"{name} is not in {self._root}") from None
        except OSError as error:
            raise StorageFailed(f"cannot read {self._root / name}: {error.strerror}") from error

    def sizes(self, prefix: str = "") -> dict[str, int]:
        files = (path for path in sorted((self._root / prefix).rglob("*")) if path.is_file())
        return {
            str(path.relative_to(self._root)): path.stat().st_size for path in files if not path.name.startswith(".")
        }

    def delete(self, name: str) -> None:
        path = self._root / name
        path.unlink(missing_ok=True)
        if path.parent != self._root and path.parent.exists() and not any(path.parent.iterdir()):
            path.parent.rmdir()


def open_storage(target: str) -> Storage:
    """The storage that `target` names: `s3://bucket/prefix`, or a folder. Raises Refused."""
    if target.startswith(S3):
        try:
            from .s3 import Bucket
        except ModuleNotFoundError:
            raise Refused("package obstore is not installed: pip install 'shodhana[s3]'") from None
        bucket, _, prefix = target.removeprefix(S3).partition("/")
        return Bucket(bucket, prefix.strip("/"))
    if "://" in target:
        raise Refused(f"{target}: expected a folder or s3://BUCKET/PREFIX")
    return Folder(Path(target).resolve())


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy(source: Reader, target: Writer) -> None:
    while content := source.read(CHUNK):
        target.write(content)
