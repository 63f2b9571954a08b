"""What a stack keeps in its directory: secrets, ports, logs, state."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import stat
import threading
from pathlib import Path

import pytest
from shodhana.stack.credentials import ensure_credentials
from shodhana.stack.logs import follow, last_lines, turn_over
from shodhana.stack.parts import Condition, PartState
from shodhana.stack.places import StackDirectory
from shodhana.stack.ports import LOOPBACK, allot, free_port
from shodhana.stack.state import AlreadyRunning, Phase, StackState, is_locked, locked, read_state, write_state


@pytest.fixture
def directory(tmp_path: Path) -> StackDirectory:
    return StackDirectory(tmp_path / "stack")


def test_secrets_are_made_once_differ_and_are_the_owners_alone(directory: StackDirectory) -> None:
    first = ensure_credentials(directory, ("quality", "review"))
    again = ensure_credentials(directory, ("quality", "review"))
    assert first == again
    assert len(set(first.values.values())) == len(first.values)
    for path in (directory.secrets, directory.service_accounts):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_each_service_gets_its_own_role_and_the_local_user_the_persons(directory: StackDirectory) -> None:
    credentials = ensure_credentials(directory, ())
    accounts = {account["client_id"]: account for account in json.loads(directory.service_accounts.read_text())}
    assert accounts["quality"]["roles"] == ["service_quality"]
    assert accounts["quality"]["client_secret"] == credentials.account("quality")
    assert "admin" in accounts["local-admin"]["roles"]


def test_the_same_directory_gets_the_same_ports_and_another_directory_others(tmp_path: Path) -> None:
    names = ("gateway", "postgres", "identity")
    here, again, there = allot(names, tmp_path / "a"), allot(names, tmp_path / "a"), allot(names, tmp_path / "b")
    assert here == again
    assert len(set(here.values())) == 3
    assert here != there


def test_a_taken_port_is_passed_over(tmp_path: Path) -> None:
    wanted = allot(("gateway",), tmp_path)["gateway"]
    with socket.socket() as other:
        other.bind((LOOPBACK, wanted))
        other.listen()
        assert allot(("gateway",), tmp_path)["gateway"] > wanted
        assert free_port(wanted) != wanted


def test_no_port_is_one_that_the_kernel_gives_to_outgoing_connections(tmp_path: Path) -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(free_port() < lowest for _ in range(20))
    assert max(allot(map(str, range(60)), tmp_path).values()) < lowest


def test_logs_are_turned_over_and_the_oldest_forgotten(tmp_path: Path) -> None:
    log = tmp_path / "quality.log"
    for number in range(6):
        turn_over(log)
        log.write_text(f"start {number}\n")
    assert log.read_text() == "start 5\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"quality.log{end}" for end in ("", ".1", ".2", ".3")]
    assert (tmp_path / "quality.log.3").read_text() == "start 2\n"


@pytest.mark.parametrize(("content", "expected"), [("a\nb\nc\n", "b\nc"), ("one", "one"), ("", "")])
def test_the_last_lines_of_a_log(tmp_path: Path, content: str, expected: str) -> None:
    log = tmp_path / "x.log"
    log.write_text(content)
    assert last_lines(log, 2) == expected


def test_the_last_lines_of_a_long_log_span_blocks(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("".join(f"line {number}\n" for number in range(5_000)))
    assert last_lines(log, 2_000).splitlines()[0] == "line 3000"


def test_a_followed_log_goes_on_after_it_is_turned_over(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("before\n")
    heard: list[str] = []
    second, done = threading.Event(), threading.Event()

    def listen() -> None:
        for text in follow(log, lambda: not done.is_set()):
            heard.append(text)
            second.set()

    thread = threading.Thread(target=listen)
    thread.start()
    while not second.is_set():  # the listener may not have reached the end of the file yet
        with log.open("a") as file:
            file.write("now\n")
        second.wait(0.05)
    second.clear()
    turn_over(log)
    log.write_text("next start\n")
    assert second.wait(5)
    done.set()
    thread.join(5)
    assert "before" not in "".join(heard)
    assert heard[-1].endswith("next start\n")


def test_the_second_stack_in_a_directory_is_refused_and_told_who_holds_it(directory: StackDirectory) -> None:
    with locked(directory):
        assert is_locked(directory)
        with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"), locked(directory):
            pytest.fail("locked twice")
    assert not is_locked(directory)


def test_a_look_at_the_lock_keeps_nobody_from_starting(directory: StackDirectory) -> None:
    directory.root.mkdir()
    with directory.lock.open("a+") as look:
        fcntl.flock(look, fcntl.LOCK_SH)
        over = threading.Timer(0.05, lambda: fcntl.flock(look, fcntl.LOCK_UN))
        over.start()
        with locked(directory):
            assert is_locked(directory)
        over.join()


def test_the_state_of_a_stack_without_supervisor_is_down_whatever_it_wrote_last(directory: StackDirectory) -> None:
    parts = [PartState("quality", Condition.HEALTHY, pid=7, port=8, restarts=1, started_at=9.5)]
    with locked(directory):
        write_state(directory, StackState(directory.root, Phase.READY, os.getpid(), 1.0, parts=parts))
        assert read_state(directory).phase is Phase.READY
        assert read_state(directory).parts == parts
    assert read_state(directory).phase is Phase.DOWN


def test_a_failed_start_is_remembered(directory: StackDirectory) -> None:
    with locked(directory):
        write_state(directory, StackState(directory.root, Phase.FAILED, error="quality: no"))
    assert (read_state(directory).phase, read_state(directory).error) == (Phase.FAILED, "quality: no")
