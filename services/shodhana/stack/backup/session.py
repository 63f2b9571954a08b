"""What every command of backups begins and ends with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import asyncpg

from ..command_line import ERROR, say
from ..places import StackDirectory
from .errors import BackupError
from .keys import keys_from
from .progress import Terminal
from .repository import Repository
from .source import Source, source_of
from .storage import open_storage


def opened(directory: StackDirectory, target: str | None) -> tuple[Source, Repository]:
    """A stack and its backups, or those at `target`. Raises BackupError."""
    source = source_of(directory)
    return source, Repository(open_storage(target or source.target), keys_from(source.environment), Terminal())


@contextmanager
def faults() -> Iterator[Callable[[], int]]:
    """Says what went wrong in a sentence; the function tells the exit code."""
    codes = [0]
    try:
        yield lambda: codes[0]
    except BackupError as error:
        say(str(error))
        codes[0] = ERROR
    except (asyncpg.PostgresError, ConnectionError) as error:
        say(f"the database does not answer: {error}")
        codes[0] = ERROR
