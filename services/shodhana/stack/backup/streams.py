"""The little that is asked of a stream of bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import IO, Protocol


class Reader(Protocol):
    """What can be read from."""

    def read(self, size: int = -1, /) -> bytes: ...


class Writer(Protocol):
    """What can be written to."""

    def write(self, content: bytes, /) -> int: ...

    def flush(self) -> None: ...


class Hashing:
    """A file whose bytes are hashed on their way in or out."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()

    @property
    def digest(self) -> str:
        return self._sha256.hexdigest()

    def read(self, size: int = -1, /) -> bytes:
        content = self._file.read(size)
        self._sha256.update(content)
        return content

    def write(self, content: bytes, /) -> int:
        self._sha256.update(content)
        return self._file.write(content)

    def flush(self) -> None:
        self._file.flush()


class Counted:
    """A reader that tells how many bytes each read gave."""

    def __init__(self, reader: Reader, moved: Callable[[int], object]) -> None:
        self._reader = reader
        self._moved = moved

    def read(self, size: int = -1, /) -> bytes:
        content = self._reader.read(size)
        self._moved(len(content))
        return content


def sha256_of(file: IO[bytes]) -> str:
    """Of the whole file, which stands at its beginning afterwards."""
    file.seek(0)
    hashing = Hashing(file)
    while hashing.read(1 << 20):
        pass
    file.seek(0)
    return hashing.digest
