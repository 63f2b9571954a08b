"""A stack in the background: started, waited for, stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import psutil

from .logs import last_lines, log_path, open_log, turn_over
from .places import StackDirectory
from .state import Phase, StackState, end_leftovers, is_locked, state_if_readable, supervisor_of

START_S = 300.0
STOP_S = 90.0
NAME_S = 2.0
"""Within which who has locked the directory writes its number into the lock."""
LOOK_AGAIN_S = 0.1
SUPERVISOR = "supervisor"


class StackFailed(Exception):
    """The stack did not start, or did not stop; the message says why."""


def start_detached(directory: StackDirectory, arguments: Sequence[str], watcher: Callable[[StackState], None]) -> None:
    """Starts `up` with `arguments` in a session of its own; returns when it is ready. Raises StackFailed."""
    log = log_path(directory.logs, SUPERVISOR)
    turn_over(log)
    command = [sys.executable, "-m", "shodhana.stack", "up", "--dir", str(directory.root), *arguments]
    with open_log(log) as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    ends_at = time.monotonic() + START_S
    while time.monotonic() < ends_at:
        state = state_if_readable(directory)  # what the stack before left there may be no state at all
        if state.supervisor_pid == process.pid:
            watcher(state)
            if state.phase is Phase.READY:
                return
        if process.poll() is not None:
            raise StackFailed(_last_words(state.error if state.supervisor_pid == process.pid else last_lines(log, 15)))
        time.sleep(LOOK_AGAIN_S)
    process.terminate()
    raise StackFailed(f"not ready after {START_S:g} s (log: {log})")


def stop(directory: StackDirectory) -> bool:
    """Stops the stack, whatever its state file says; False where none ran. Raises StackFailed."""
    if not is_locked(directory):
        return bool(end_leftovers(state_if_readable(directory)))
    supervisor = _supervisor(directory)
    os.kill(supervisor, signal.SIGTERM)
    ends_at = time.monotonic() + STOP_S
    while is_locked(directory):
        if time.monotonic() > ends_at:
            psutil.Process(supervisor).kill()
            end_leftovers(state_if_readable(directory))
            raise StackFailed(f"the supervisor did not stop within {STOP_S:g} s and was killed, with its programs")
        time.sleep(LOOK_AGAIN_S)
    return True


def _supervisor(directory: StackDirectory) -> int:
    """Who is to be told. Raises StackFailed where the directory is held by another than a supervisor."""
    ends_at = time.monotonic() + NAME_S
    while (found := supervisor_of(directory)) is None:
        if time.monotonic() > ends_at:
            raise StackFailed(f"{directory.lock} is held, but by no supervisor: a restore at work? It ends by itself")
        time.sleep(LOOK_AGAIN_S)
    return found


def _last_words(text: str) -> str:
    """Without the name that the command sets before its words again."""
    return text.removeprefix("shodhana: ")
