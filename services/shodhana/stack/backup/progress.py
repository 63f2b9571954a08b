"""What a person sees while it works: a line a step, a bar for bytes on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import click

from .streams import Counted, Reader

SHOWN_FROM_BYTES = 4 << 20
UNITS = ("B", "kB", "MB", "GB", "TB")


class Progress(Protocol):
    """Told of each step."""

    def step(self, what: str) -> None:
        """A step that is done or begins, in a line."""
        ...

    @contextmanager
    def bytes_of(self, what: str, stream: Reader, total: int) -> Iterator[Reader]:
        """The stream, whose reads are shown as part of `total` bytes."""
        ...


class Silent:
    """Shows nothing."""

    def step(self, what: str) -> None:
        pass

    @contextmanager
    def bytes_of(self, what: str, stream: Reader, total: int) -> Iterator[Reader]:
        yield stream


class Terminal:
    """Writes to standard error, with the seconds since the start."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def step(self, what: str) -> None:
        click.echo(f"{time.monotonic() - self._began:6.1f} s  {what}", err=True)

    @contextmanager
    def bytes_of(self, what: str, stream: Reader, total: int) -> Iterator[Reader]:
        if total < SHOWN_FROM_BYTES or not sys.stderr.isatty():
            yield stream
            return
        with click.progressbar(length=total, label=f"          {what}", file=sys.stderr) as bar:
            yield Counted(stream, bar.update)


def human(size: float) -> str:
    """Bytes in a unit that is easy to read: "12.3 MB"."""
    for unit in UNITS[:-1]:
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} {UNITS[-1]}"
