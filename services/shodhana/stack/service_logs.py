"""The logs of a service: of one process, or of all its replicas together."""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from .logs import follow_all, last_lines, log_path
from .places import StackDirectory
from .state import state_if_readable

TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?")


def logs_named(place: StackDirectory, name: str) -> list[Path]:
    """The log of a process, or one of each replica of a service; none where neither is known.

    Those of the mesh as it was last started: a replica that it no longer has may have left its log too.
    """
    is_meant = re.compile(rf"{re.escape(name)}(-\d+)?").fullmatch
    started = [log_path(place.logs, part.name) for part in state_if_readable(place).parts if is_meant(part.name)]
    if found := [path for path in started if path.exists()]:
        return found
    return sorted(path for path in place.logs.glob("*.log") if is_meant(path.stem))


def last_of_all(paths: Sequence[Path], count: int) -> str:
    """The last lines of all together, as they came."""
    if len(paths) == 1:
        return last_lines(paths[0], count)
    lines = [line for path in paths for line in _timed(path, count)]
    lines.sort(key=lambda line: line[0])
    return "\n".join(text for _, text in lines[len(lines) - min(count, len(lines)) :])


def follow_logs(paths: Sequence[Path]) -> None:
    """Prints what is written, until Ctrl-C; of several whole lines behind their names."""
    rest = defaultdict[Path, str](str)
    try:
        for path, text in follow_all(paths, lambda: True):
            if len(paths) == 1:
                sys.stdout.write(text)
            else:
                *lines, rest[path] = (rest[path] + text).split("\n")
                sys.stdout.writelines(f"{_signed(path, line)}\n" for line in lines)
            sys.stdout.flush()
    except (KeyboardInterrupt, BrokenPipeError):
        return


def _timed(path: Path, count: int) -> Iterator[tuple[str, str]]:
    """Each line with its time; one without has that of the line before it (a stack trace)."""
    at = ""
    for line in last_lines(path, count).splitlines():
        if found := TIME.search(line):
            at = max(at, found[0].replace(" ", "T").replace(",", "."))
        yield at, _signed(path, line)


def _signed(path: Path, line: str) -> str:
    return f"{path.stem} | {line}"
