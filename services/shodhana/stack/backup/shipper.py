"""`python -m shodhana.stack.backup.shipper DIR READY`: archives the log of a stack's Postgres as it is written."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from ..places import StackDirectory
from ..postgres import EmbeddedPostgres
from . import wal
from .errors import BackupError
from .keys import keys_from
from .repository import Repository
from .source import source_of
from .storage import open_storage

LOOK_AGAIN_S = 1.0
AFTER_A_FAULT_S = 10.0


def main() -> None:
    directory, ready = StackDirectory(Path(sys.argv[1])), Path(sys.argv[2])
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    source = source_of(directory)
    server = EmbeddedPostgres(directory.part("postgres"), 0, "")
    repository = Repository(open_storage(source.target), keys_from(source.environment))
    repository.keys.require_recipients()
    identifier = wal.system_identifier_of(server.data)
    while not stopping.is_set():
        stopping.wait(LOOK_AGAIN_S if ship_once(repository, server.spool, identifier, ready) else AFTER_A_FAULT_S)


def ship_once(repository: Repository, spool: Path, identifier: str, ready: Path) -> bool:
    """Ships what waits; `ready` is there while that succeeds, so `shodhana status` tells when it does not."""
    try:
        count = wal.ship(repository, spool, identifier)
    except BackupError as error:
        print(f"{len(wal.waiting(spool))} files of the log wait: {error}", flush=True)
        ready.unlink(missing_ok=True)
        return False
    if count:
        print(f"archived {count} files of the log", flush=True)
    ready.touch()
    return True


if __name__ == "__main__":
    main()
