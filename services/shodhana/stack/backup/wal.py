"""The log on its way from the server's spool into the archive."""

from __future__ import annotations

import fcntl
import gzip
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import tools
from .errors import BackupError, Damaged
from .repository import Repository
from .segments import check_header, segment_named

WAIT_S = 60.0
LOOK_AGAIN_S = 0.2
LEVEL = 1


def system_identifier_of(data: Path) -> str:
    """Of the cluster in a data directory. Raises ToolFailed."""
    for line in tools.run("pg_controldata", "-D", data).splitlines():
        name, _, value = line.partition(":")
        if name == "Database system identifier":
            return value.strip()
    raise BackupError(f"pg_controldata tells no system identifier of {data}")


def waiting(spool: Path) -> list[Path]:
    """What the server has put there and nobody has taken yet, the oldest first."""
    return sorted(path for path in spool.iterdir() if not path.name.startswith("."))


def ship(repository: Repository, spool: Path, system_identifier: str) -> int:
    """Archives what waits in the spool, and empties it; how many files. Raises BackupError."""
    shipped = 0
    with _alone(spool):
        for path in waiting(spool):
            archive(repository, path, system_identifier)
            path.unlink()
            shipped += 1
    return shipped


def archive(repository: Repository, path: Path, system_identifier: str) -> None:
    """Archives one file, compressed; again is no harm. Raises Damaged, StorageFailed, KeyMissing."""
    check_header(path, path.name, system_identifier)
    with tempfile.TemporaryDirectory() as folder:
        compressed = Path(folder) / path.name
        with path.open("rb") as file, gzip.GzipFile(compressed, "wb", LEVEL, mtime=0) as target:
            shutil.copyfileobj(file, target, 1 << 20)
        repository.store_wal(system_identifier, compressed)


def fetch(repository: Repository, system_identifier: str, name: str, digest: str, folder: Path) -> Path:
    """An archived file as the server wrote it. Raises NotFound, Damaged, WrongKey."""
    with tempfile.TemporaryDirectory() as scratch:
        compressed, path = Path(scratch) / name, folder / name
        repository.fetch_wal(system_identifier, name, digest, compressed)
        try:
            with gzip.open(compressed) as file, path.open("wb") as target:
                shutil.copyfileobj(file, target, 1 << 20)
        except (OSError, EOFError) as error:
            raise Damaged(f"wal/{name}: {error}") from error
    check_header(path, name, system_identifier)
    return path


def fetch_from(repository: Repository, system_identifier: str, first: str, folder: Path) -> int:
    """Every archived segment from `first` on, and every history; how many. Raises as `fetch`."""
    folder.mkdir(exist_ok=True)
    names = repository.wal(system_identifier)
    wanted = [name for name in names if _is_wanted(name, first)]
    for name in wanted:
        fetch(repository, system_identifier, name, names[name], folder)
    return len(wanted)


def wait_for(repository: Repository, spool: Path, system_identifier: str, segment: str) -> None:
    """Returns when the segment is archived. Raises BackupError where the server does not deliver it."""
    ends_at = time.monotonic() + WAIT_S
    while True:
        ship(repository, spool, system_identifier)
        if segment in repository.wal(system_identifier):
            return
        if time.monotonic() > ends_at:
            raise BackupError(
                f"segment {segment} of the log did not come within {WAIT_S:g} s (`shodhana logs postgres`)"
            )
        time.sleep(LOOK_AGAIN_S)


def _is_wanted(name: str, first: str) -> bool:
    """A later timeline's segment may lie before `first` by its name's number: numbers count, not timelines."""
    return name.endswith(".history") or (segment_named(name) is not None and name[8:] >= first[8:])


@contextmanager
def _alone(spool: Path) -> Iterator[None]:
    """One at a time: the stack's own archiver and a backup may both come for the same file."""
    with (spool / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
