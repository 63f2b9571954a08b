"""The files that a corrected transcript is written to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path


def base_name(path: Path) -> str:
    """`talk` for talk.srt and talk.srt.gz; `talk.whisper` for talk.whisper.json."""
    return Path(path.name.removesuffix(".gz")).stem


def clashes(files: Iterable[Path], output: Path | None) -> list[list[Path]]:
    """Files whose results would be written over each other; `output` None: beside each file."""
    by_result: dict[Path, list[Path]] = defaultdict(list)
    for path in files:
        by_result[(path.parent if output is None else output) / base_name(path)].append(path)
    return [paths for paths in by_result.values() if len(paths) > 1]
