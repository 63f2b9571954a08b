"""The programs' logs: one file each, turned over when the stack starts."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

KEPT = 3
LOOK_AGAIN_S = 0.2
BLOCK = 8192


def log_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.log"


def turn_over(path: Path) -> None:
    """Moves `name.log` to `name.log.1`, that to `.2`, and forgets the oldest."""
    for number in range(KEPT, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        newer = path if number == 1 else path.with_name(f"{path.name}.{number - 1}")
        if newer.exists():
            newer.replace(older)


def open_log(path: Path) -> BinaryIO:
    """Opened to append, readable by the owner only: a log may hold names of files and people."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    return path.open("ab")


def last_lines(path: Path, count: int) -> str:
    """The last lines; empty where there is no log."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        position = file.seek(0, 2)
        tail = b""
        while position and tail.count(b"\n") <= count:
            step = min(BLOCK, position)
            position = file.seek(position - step)
            tail = file.read(step) + tail
    return "\n".join(tail.decode(errors="replace").splitlines()[-count:])


def follow(path: Path, goes_on: Callable[[], bool]) -> Iterator[str]:
    """New text as it is written, from the present end, over turns of the file, while `goes_on()`."""
    return (text for _, text in follow_all([path], goes_on))


def follow_all(paths: Sequence[Path], goes_on: Callable[[], bool]) -> Iterator[tuple[Path, str]]:
    """The same of several, each text with its file."""
    tails = [_Tail(path) for path in paths]
    try:
        while goes_on():
            found = [(tail.path, text) for tail in tails if (text := tail.read())]
            yield from found
            if not found:
                time.sleep(LOOK_AGAIN_S)
    finally:
        for tail in tails:
            tail.close()


class _Tail:
    """The end of a log, wherever it is by now."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO = path.open("rb")
        self._file.seek(0, 2)

    def read(self) -> str:
        """What was written since; empty where nothing was."""
        text = self._file.read()
        if not text and (newer := _newer(self.path, self._file)) is not None:
            self.close()
            self._file = newer
            text = newer.read()
        return text.decode(errors="replace")

    def close(self) -> None:
        self._file.close()


def _newer(path: Path, file: BinaryIO) -> BinaryIO | None:
    """The file that has taken the place of `file`; None while there is none."""
    try:
        newer = path.open("rb")
    except FileNotFoundError:
        return None
    if os.path.sameopenfile(newer.fileno(), file.fileno()):
        newer.close()
        return None
    return newer
