"""What a running stack tells others: a state file that is always whole, and a lock that dies with the supervisor."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

import psutil

from .command_line import Unusable
from .parts import Condition, PartState
from .places import StackDirectory

END_S = 10.0
LOOK_S = 0.2
SUPERVISES = "supervisor"
"""Stands in the lock behind the number of a process that `down` may end; a restore holds the lock too."""


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
    chosen: dict[str, str] = field(default_factory=dict)
    """The options it was started with, without secrets; see chosen.py."""


class AlreadyRunning(Exception):
    """Another supervisor holds the directory."""


class StateUnreadable(Unusable):
    """The state file holds something else; the message names it, and says what to do."""


@contextmanager
def locked(directory: StackDirectory, purpose: str = "") -> Iterator[None]:
    """Holds the directory; `purpose` is SUPERVISES where SIGTERM ends it well. Raises AlreadyRunning."""
    directory.root.mkdir(parents=True, exist_ok=True)
    with directory.lock.open("a+") as file:
        if not _take(file):
            raise AlreadyRunning(
                f"a stack is running in {directory.root} (process {_holder(directory)[0] or 'unknown'}); "
                "`shodhana status` shows it, `shodhana down` stops it, `--dir` starts another beside it"
            )
        file.truncate(0)
        file.write(f"{os.getpid()} {purpose}".strip())
        file.flush()
        yield
        file.truncate(0)


def _take(file: IO[str]) -> bool:
    """Whether the lock could be had; who only looks whether it is held holds it for a moment, and is waited for."""
    ends_at = time.monotonic() + LOOK_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > ends_at:
                return False
        time.sleep(LOOK_S / 20)


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


def supervisor_of(directory: StackDirectory) -> int | None:
    """The process to end so that a stack stops; None while the lock does not name one that supervises."""
    pid, purpose = _holder(directory)
    is_known = purpose == SUPERVISES or pid == state_if_readable(directory).supervisor_pid
    return pid if is_known else None


def _holder(directory: StackDirectory) -> tuple[int | None, str]:
    """Who wrote into the lock, and what for."""
    number, _, purpose = directory.lock.read_text().partition(" ")
    return (int(number) if number.isdecimal() else None, purpose.strip())


def write_state(directory: StackDirectory, state: StackState) -> None:
    content = json.dumps(asdict(state), indent=2, default=str)
    scratch = directory.state.with_suffix(f".{os.getpid()}")
    scratch.write_text(content)
    scratch.replace(directory.state)


def read_state(directory: StackDirectory) -> StackState:
    """The state as last written; where its supervisor is gone, DOWN, and what nobody watches is not called healthy.

    Raises StateUnreadable.
    """
    try:
        state = _parsed(json.loads(directory.state.read_text()), directory.root)
    except FileNotFoundError:
        return StackState(directory.root)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StateUnreadable(
            f"{directory.state}: not the state of a stack ({type(error).__name__}: {error}). `shodhana down` stops "
            "what runs, and `shodhana up` then writes the file anew; data and secrets are elsewhere"
        ) from None
    if not is_locked(directory):
        state.phase = state.phase if state.phase is Phase.FAILED else Phase.DOWN
        for part in state.parts:
            _unwatch(part)
    return state


def state_if_readable(directory: StackDirectory) -> StackState:
    """The state, or that of a stack that never ran: for who goes on without it."""
    try:
        return read_state(directory)
    except StateUnreadable:
        return StackState(directory.root)


def _parsed(content: Mapping[str, Any], root: Path) -> StackState:
    parts = [PartState(**(part | {"condition": Condition(part["condition"])})) for part in content["parts"]]
    return StackState(**{**content, "directory": root, "phase": Phase(content["phase"]), "parts": parts})


def _unwatch(part: PartState) -> None:
    """What ran when the supervisor was last heard of has ended since, or is about to."""
    if part.pid is None:
        if part.condition is Condition.WAITING:
            part.condition = Condition.STOPPED
    elif _still_running(part):
        part.condition, part.health = Condition.UNWATCHED, "its supervisor is gone: `shodhana down` ends it"
    else:
        part.condition, part.pid, part.health = Condition.STOPPED, None, ""


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
