"""What is printed: JSON, tables, the bar of a long work. On a terminal for people, elsewhere for other programs."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import time
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Any, TextIO

from .selection import written

BAR_CELLS = 30
GAP = "  "
NARROWEST = 12
BOLD, PLAIN, CLEAR_LINE = "\x1b[1m", "\x1b[0m", "\r\x1b[2K"


def print_json(document: Any, *, flush: bool = False) -> None:
    """JSON on standard output: what `--json` and `--jq` ask for of it."""
    for line in written(document):
        print(line, flush=flush)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on a terminal; tab-separated rows elsewhere."""
    lines = [[" ".join(cell.split()) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in lines:
            print("\t".join(row))
        return
    widest = [max(map(cells, column)) for column in zip(columns, *lines, strict=True)]
    widths = fitted(widest, shutil.get_terminal_size().columns)
    head = "\n".join(wrapped(columns, widths))
    print(f"{BOLD}{head}{PLAIN}" if has_style(sys.stdout) else head)
    for row in lines:
        print("\n".join(wrapped(row, widths)))


def fitted(widths: Sequence[int], room: int) -> list[int]:
    """Widths of columns that fit the terminal: the widest give way first."""
    found = list(widths)
    while sum(found) + len(GAP) * (len(found) - 1) > room and max(found) > NARROWEST:
        found[found.index(max(found))] -= 1
    return found


def wrapped(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """The lines of a row, each cell going on below itself where its column ends."""
    parts = [textwrap.wrap(cell, width) for cell, width in zip(row, widths, strict=True)]
    lines = zip_longest(*parts, fillvalue="")
    return [GAP.join(map(padded, line, widths)).rstrip() for line in lines]


def padded(text: str, width: int) -> str:
    return text + " " * (width - cells(text))


def cells(text: str) -> int:
    """Columns that a terminal gives a text: none to a combining mark, two to a wide letter."""
    marks = sum(unicodedata.category(letter) in ("Mn", "Me", "Cf") for letter in text)
    wide = sum(unicodedata.east_asian_width(letter) in ("W", "F") for letter in text)
    return len(text) - marks + wide


def has_style(stream: TextIO) -> bool:
    """Whether bold and redrawn lines are wanted: on a terminal, unless NO_COLOR is set or it is a dumb one."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class Bar:
    """How far a work is, on standard error where that is a terminal: `correcting [####......]  4 of 10  0:03`."""

    def __init__(self, label: str, total: int, *, quiet: bool = False) -> None:
        self._label = label
        self._total = total
        self._began = time.monotonic()
        self._is_shown = not quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def __enter__(self) -> Bar:
        self.show(0)
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def show(self, done: int, note: str = "") -> None:
        """Draws it anew."""
        if not self._is_shown:
            return
        full = BAR_CELLS * done // max(1, self._total)
        seconds = int(time.monotonic() - self._began)
        drawn = f"[{'#' * full}{'.' * (BAR_CELLS - full)}]  {done} of {self._total}"
        sys.stderr.write(f"{CLEAR_LINE}{self._label} {drawn}  {seconds // 60}:{seconds % 60:02d}{GAP}{note}")
        sys.stderr.flush()

    def clear(self) -> None:
        """Takes it away, so that something else can be printed."""
        if self._is_shown:
            sys.stderr.write(CLEAR_LINE)
            sys.stderr.flush()
