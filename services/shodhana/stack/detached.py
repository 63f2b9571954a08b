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
from .state import Phase, StackState, end_leftovers, is_locked, read_state

START_S = 300.0
STOP_S = 90.0
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
        state = read_state(directory)
        if state.supervisor_pid == process.pid:
            watcher(state)
            if state.phase is Phase.READY:
                return
        if process.poll() is not None:
            raise StackFailed(state.error if state.supervisor_pid == process.pid else last_lines(log, 15))
        time.sleep(LOOK_AGAIN_S)
    process.terminate()
    raise StackFailed(f"not ready after {START_S:g} s (log: {log})")


def stop(directory: StackDirectory) -> bool:
    """Stops the stack; False where none ran. Raises StackFailed."""
    state = read_state(directory)
    if not is_locked(directory):
        return bool(end_leftovers(state))
    if state.supervisor_pid is None:
        raise StackFailed("the stack is just starting; try again in a second")
    os.kill(state.supervisor_pid, signal.SIGTERM)
    ends_at = time.monotonic() + STOP_S
    while is_locked(directory):
        if time.monotonic() > ends_at:
            psutil.Process(state.supervisor_pid).kill()
            end_leftovers(read_state(directory))
            raise StackFailed(f"the supervisor did not stop within {STOP_S:g} s and was killed, with its programs")
        time.sleep(LOOK_AGAIN_S)
    return True
