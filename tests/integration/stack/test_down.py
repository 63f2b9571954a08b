"""A mesh is stopped by whoever holds its lock, whatever its state file says."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from shodhana.stack.detached import StackFailed, stop
from shodhana.stack.places import StackDirectory
from shodhana.stack.state import SUPERVISES, Phase, StackState, is_locked, write_state

HOLDER = Path(__file__).parent / "holder.py"
WAIT_S = 60


@pytest.fixture
def place(tmp_path: Path) -> StackDirectory:
    return StackDirectory(tmp_path)


@contextmanager
def held(place: StackDirectory, purpose: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, str(HOLDER), str(place.root), purpose]) as holder:
        ends_at = time.monotonic() + WAIT_S
        while not is_locked(place):
            assert time.monotonic() < ends_at, "never locked"
            time.sleep(0.02)
        try:
            yield holder
        finally:
            holder.kill()


@pytest.mark.parametrize("state", [None, "{"])
def test_a_mesh_without_a_readable_state_is_stopped(place: StackDirectory, state: str | None) -> None:
    if state is not None:
        place.state.write_text(state)
    with held(place, SUPERVISES) as holder:
        assert stop(place)
        assert holder.wait(WAIT_S) == 0


def test_who_holds_the_directory_for_something_else_is_left_alone(place: StackDirectory) -> None:
    with held(place, "") as holder:
        write_state(place, StackState(place.root, Phase.READY, 2**22 - 1))
        with pytest.raises(StackFailed, match="held, but by no supervisor"):
            stop(place)
        assert holder.poll() is None
