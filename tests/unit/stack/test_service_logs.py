"""The logs of a service, whose replicas write one each."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from click.testing import CliRunner
from shodhana.stack.commands import stack
from shodhana.stack.logs import follow_all
from shodhana.stack.parts import PartState
from shodhana.stack.places import StackDirectory
from shodhana.stack.service_logs import last_of_all, logs_named
from shodhana.stack.state import StackState, write_state


@pytest.fixture
def place(tmp_path: Path) -> StackDirectory:
    """Two workers wrote, one left its log of an earlier start, and so did a lone one; quality is single."""
    found = StackDirectory(tmp_path)
    found.logs.mkdir()
    for name, text in {
        "worker-1": '{"timestamp": "2026-12-01T10:00:01.5Z"}\n[2026-12-01 10:00:04,2: WARNING] four\n',
        "worker-2": '{"timestamp": "2026-12-01T10:00:02.1Z"}\nTraceback\n{"timestamp": "2026-12-01T10:00:05Z"}\n',
        "worker-3": "old\n",
        "worker": "older\n",
        "quality": "one\ntwo\n",
    }.items():
        (found.logs / f"{name}.log").write_text(text)
    parts = [PartState(name) for name in ("worker-1", "worker-2", "quality")]
    write_state(found, StackState(tmp_path, parts=parts))
    return found


def test_a_service_is_all_the_replicas_that_were_last_started(place: StackDirectory) -> None:
    assert [path.stem for path in logs_named(place, "worker")] == ["worker-1", "worker-2"]
    assert [path.stem for path in logs_named(place, "worker-2")] == ["worker-2"]
    assert [path.stem for path in logs_named(place, "worker-3")] == ["worker-3"]
    assert logs_named(place, "work") == []
    place.state.write_text("{")
    assert [path.stem for path in logs_named(place, "worker")] == ["worker-1", "worker-2", "worker-3", "worker"]


def test_lines_of_several_are_in_the_order_of_their_times(place: StackDirectory) -> None:
    found = CliRunner().invoke(stack, ["logs", "worker", "--dir", str(place.root)])
    assert found.output.splitlines() == [
        'worker-1 | {"timestamp": "2026-12-01T10:00:01.5Z"}',
        'worker-2 | {"timestamp": "2026-12-01T10:00:02.1Z"}',
        "worker-2 | Traceback",
        "worker-1 | [2026-12-01 10:00:04,2: WARNING] four",
        'worker-2 | {"timestamp": "2026-12-01T10:00:05Z"}',
    ]
    assert last_of_all(logs_named(place, "worker"), 2).count("\n") == 1
    assert last_of_all(logs_named(place, "worker"), 0) == ""
    assert last_of_all(logs_named(place, "quality"), 1) == "two"


def test_several_are_followed_together(place: StackDirectory) -> None:
    heard: list[tuple[str, str]] = []
    done = threading.Event()
    paths = logs_named(place, "worker")

    def listen() -> None:
        for path, text in follow_all(paths, lambda: not done.is_set()):
            heard.append((path.stem, text))

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        for _ in range(100):
            for path in paths:
                with path.open("a") as file:
                    file.write(f"new of {path.stem}\n")
            if {name for name, _ in heard} == {"worker-1", "worker-2"}:
                break
            done.wait(0.05)
    finally:
        done.set()
        thread.join(5)
    assert {name for name, _ in heard} == {"worker-1", "worker-2"}
    assert all(set(text.splitlines()) == {f"new of {name}"} for name, text in heard)
