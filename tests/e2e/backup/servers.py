"""`python -m tests.e2e.backup.servers DIR PART…`: the parts of a stack that keep data, as `shodhana up` runs them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from shodhana.stack.options import options_from
from shodhana.stack.places import PROJECT, StackDirectory
from shodhana.stack.run import run_stack
from shodhana.stack.state import Phase, StackState, read_state

from tests.conftest import wait_until

PARTS = frozenset({"postgres", "migrations", "wal-archiver", "redis-broker"})
START_S = 120.0
END_S = 30.0


@contextmanager
def servers(
    directory: StackDirectory, environment: Mapping[str, str], parts: frozenset[str] = PARTS
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs them; entered when they are healthy."""
    command = [sys.executable, "-m", "tests.e2e.backup.servers", str(directory.root), *sorted(parts)]
    process = subprocess.Popen(command, env=os.environ | dict(environment), cwd=PROJECT)
    try:
        wait_until(lambda: process.poll() is not None or read_state(directory).phase is Phase.READY, START_S)
        assert process.poll() is None, f"the servers did not start: {read_state(directory).error}"
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def kill(process: subprocess.Popen[bytes]) -> None:
    """As a power cut ends them: each at once, without a word."""
    started = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    for child in started:
        with suppress(psutil.NoSuchProcess):
            child.kill()
    psutil.wait_procs(started, END_S)


def main() -> None:
    def watch(state: StackState) -> None:
        if state.phase is Phase.FAILED:
            print(state.error, file=sys.stderr)

    directory = StackDirectory(Path(sys.argv[1]))
    sys.exit(0 if run_stack(directory, options_from(os.environ), watch, frozenset(sys.argv[2:])) else 1)


if __name__ == "__main__":
    main()
