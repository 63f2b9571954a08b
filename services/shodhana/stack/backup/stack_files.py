"""The files without which a restored database is of little use: secrets, signing key, certificates."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..places import StackDirectory
from .archives import pack, unpack

NAME = "stack_files.tar"


def names_of(directory: StackDirectory) -> tuple[Path, ...]:
    return (directory.secrets, directory.signing_key, directory.jwks, directory.tls)


def pack_files(directory: StackDirectory, scratch: Path) -> Path | None:
    """An archive of them; None where the directory has no secrets yet."""
    if not directory.secrets.exists():
        return None
    folder = scratch / "stack_files"
    folder.mkdir(mode=0o700)
    for path in names_of(directory):
        if path.is_dir():
            shutil.copytree(path, folder / path.name)
        elif path.exists():
            shutil.copy2(path, folder / path.name)
    return pack(folder, scratch / NAME)


def unpack_files(archive: Path, directory: StackDirectory, scratch: Path) -> None:
    """Puts those in place that the directory lacks."""
    folder = unpack(archive, scratch / "stack_files")
    for path in names_of(directory):
        if (folder / path.name).exists() and not path.exists():
            shutil.move(folder / path.name, path)
