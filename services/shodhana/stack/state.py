"""What a running stack tells others: a state file that is always whole, and a lock that dies with the supervisor."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

import psutil

from .parts import Condition, PartState
from .places import StackDirectory

END_S = 10.0


class Phase(StrEnum):
    """Where the stack stands as a whole."""

    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    FAILED = "failed"
    DOWN = "down"


@dataclass(slots=True)
class StackState:
    """Everything `status` prints."""

    directory: Path
    phase: Phase = Phase.DOWN
    supervisor_pid: int | None = None
    started_at: float | None = None
    error: str = ""
    addresses: dict[str, str] = field(default_factory=dict)
    """By what they are for: "gateway", "rest", …"""
    parts: list[PartState] = field(default_factory=list)


class AlreadyRunning(Exception):
    """Another supervisor holds the directory."""


@contextmanager
def locked(directory: StackDirectory) -> Iterator[None]:
    """Holds the directory. Raises AlreadyRunning, naming the holder."""
    directory.root.mkdir(parents=True, exist_ok=True)
    with directory.lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise AlreadyRunning(
                f"a stack is running in {directory.root} (process {file.read().strip() or 'unknown'}); "
                "`shodhana status` shows it, `shodhana down` stops it, `--dir` starts another beside it"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
        file.truncate(0)


def is_locked(directory: StackDirectory) -> bool:
    """Whether a supervisor is alive."""
    if not directory.lock.exists():
        return False
    with directory.lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def write_state(directory: StackDirectory, state: StackState) -> None:
    content = json.dumps(asdict(state), indent=2, default=str)
    scratch = directory.state.with_suffix(f".{os.getpid()}")
    scratch.write_text(content)
    scratch.replace(directory.state)


def read_state(directory: StackDirectory) -> StackState:
    """The state as last written; phase DOWN where its supervisor is gone, whatever it wrote."""
    if not directory.state.exists():
        return StackState(directory.root)
    content = json.loads(directory.state.read_text())
    parts = [PartState(**(part | {"condition": Condition(part["condition"])})) for part in content["parts"]]
    rest = {"directory": directory.root, "phase": Phase(content["phase"]), "parts": parts}
    state = StackState(**(content | rest))
    if state.phase is not Phase.FAILED and not is_locked(directory):
        state.phase = Phase.DOWN
    return state


def end_leftovers(state: StackState) -> list[str]:
    """Ends programs of a supervisor that was killed, if any still end their work; names them."""
    left = [(part.name, process) for part in state.parts if (process := _still_running(part))]
    for _, process in left:
        process.kill()
    psutil.wait_procs([process for _, process in left], END_S)
    return [name for name, _ in left]


def _still_running(part: PartState) -> psutil.Process | None:
    """The program's process; None where it ended, or its number was given to another since."""
    if part.pid is None or part.started_at is None or part.condition is Condition.STOPPED:
        return None
    try:
        process = psutil.Process(part.pid)
        return process if abs(process.create_time() - part.started_at) < 2 else None
    except psutil.NoSuchProcess:
        return None


def all_healthy(parts: Iterable[PartState]) -> bool:
    """Whether nothing is left to wait for."""
    return all(part.condition in (Condition.HEALTHY, Condition.DONE) for part in parts)
