"""Folders as one file: a tar, gzipped lightly where its content is not compressed yet."""

from __future__ import annotations

import tarfile
from pathlib import Path

LEVEL = 1


def pack(folder: Path, archive: Path) -> Path:
    """`archive` ends in `.tar` or `.tar.gz`."""
    if archive.suffix == ".gz":
        with tarfile.open(archive, "w:gz", compresslevel=LEVEL) as compressed:
            compressed.add(folder, ".")
    else:
        with tarfile.open(archive, "w") as plain:
            plain.add(folder, ".")
    return archive


def unpack(archive: Path, folder: Path) -> Path:
    """Into a folder, which is made; the archive is deleted, for the sake of space."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    archive.unlink()
    return folder
