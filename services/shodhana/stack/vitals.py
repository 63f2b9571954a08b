"""Memory and processor time of each part, as the system tells."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

from .parts import PartState

OVER_S = 0.2


@dataclass(frozen=True, slots=True)
class Vitals:
    """Of a program and all that it started."""

    memory_bytes: int
    """Its own, and its share of what is shared."""
    cpu_cores: float
    """1 is one core, all the time."""


def vitals_of(parts: Iterable[PartState]) -> dict[str, Vitals]:
    """By part, measured over a fifth of a second; what has ended is left out."""
    trees = {part.name: _tree(part.pid) for part in parts if part.pid is not None}
    before = {name: _cpu_s(tree) for name, tree in trees.items()}
    began = time.monotonic()
    time.sleep(OVER_S)
    after = {name: _cpu_s(tree) for name, tree in trees.items()}
    elapsed_s = time.monotonic() - began
    return {
        name: Vitals(sum(map(_memory_bytes, tree)), round(max(0.0, after[name] - before[name]) / elapsed_s, 3))
        for name, tree in trees.items()
        if tree
    }


def _tree(pid: int) -> list[psutil.Process]:
    try:
        program = psutil.Process(pid)
        return [program, *program.children(recursive=True)]
    except psutil.Error:
        return []


def _cpu_s(tree: Iterable[psutil.Process]) -> float:
    total = 0.0
    for process in tree:
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
    return total


def _memory_bytes(process: psutil.Process) -> int:
    try:
        found = process.memory_full_info()
        return int(getattr(found, "pss", found.rss))
    except psutil.AccessDenied:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
