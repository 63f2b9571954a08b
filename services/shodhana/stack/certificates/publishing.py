"""Files that belong together, put in place at one stroke.

As the kubelet does it: `tls.crt` is a link to `..data/tls.crt`, and `..data` a link to a folder that never changes. A
reader sees all the old files or all the new ones, and who watches the folder (Envoy) sees `..data` being replaced.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

DATA = "..data"


def publish(folder: Path, files: Mapping[str, bytes], *, is_shared: bool = False) -> None:
    """Replaces what the folder shows; `is_shared`: others than the owner may read it."""
    folder.mkdir(parents=True, exist_ok=True)
    version = Path(tempfile.mkdtemp(prefix="..", dir=folder))
    for name, content in files.items():
        write_bytes(version / name, content, 0o444 if is_shared else 0o600)
    if is_shared:
        version.chmod(0o755)
    former = (folder / DATA).resolve()
    if not (folder / DATA).is_symlink():  # a copy that followed links, as backups are
        shutil.rmtree(folder / DATA, ignore_errors=True)
    _link(folder / DATA, version.name)
    for name in files:
        if os.path.lexists(folder / name) and not (folder / name).is_symlink():
            (folder / name).unlink()
        if not (folder / name).is_symlink():
            _link(folder / name, f"{DATA}/{name}")
    for old in folder.glob("..*"):
        if old.is_dir() and not old.is_symlink() and old not in (version, former):  # somebody may still read the former
            shutil.rmtree(old)


def write_bytes(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Writes a file whole or not at all."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    scratch.chmod(mode)
    scratch.replace(path)


def _link(path: Path, target: str) -> None:
    scratch = path.with_name(f"{path.name}_new")
    scratch.unlink(missing_ok=True)
    scratch.symlink_to(target)
    scratch.replace(path)
