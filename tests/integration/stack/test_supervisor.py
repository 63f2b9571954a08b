"""The supervisor with real processes: order, restarts, ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from shodhana.stack import health
from shodhana.stack.keeper import Patience
from shodhana.stack.parts import Condition, Part, PartFailed, Program, Step, check_order
from shodhana.stack.ports import free_port
from shodhana.stack.supervisor import Supervisor

HERE = Path(__file__).parent
QUICK = Patience(start_s=60, first_pause_s=0.05, longest_pause_s=0.1, look_again_s=0.05, silence_s=1.0)
WAIT_S = 60


def child(folder: Path, name: str, *needs: str, mode: str = "obeys", grace_s: float = 10) -> Program:
    ready = folder / name
    return Program(
        name=name,
        command=(sys.executable, str(HERE / "child.py"), name, str(folder), mode),
        check=health.file_touched(ready),
        needs=frozenset(needs),
        prepare=health.removes(ready),
        stop_grace_s=grace_s,
    )


@asynccontextmanager
async def started(*parts: Part, logs: Path) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(parts, logs, lambda _: None, QUICK)
    try:
        await supervisor.start()
        yield supervisor
    finally:
        await supervisor.stop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.02)


def journal(folder: Path) -> list[str]:
    return (folder / "journal").read_text().splitlines()


def is_running(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


async def test_parts_start_when_what_they_need_is_healthy_and_stop_in_reverse(tmp_path: Path) -> None:
    done: list[str] = []

    async def migrate() -> None:
        done.extend(journal(tmp_path))

    parts = (
        child(tmp_path, "gateway", "service"),
        child(tmp_path, "service", "migrations"),
        Step("migrations", migrate, frozenset({"store"})),
        child(tmp_path, "store"),
    )
    async with started(*parts, logs=tmp_path / "logs"):
        assert done == ["start store"]
    assert journal(tmp_path) == [
        *("start store", "start service", "start gateway"),
        *("stop gateway", "stop service", "stop store"),
    ]


async def test_a_killed_program_is_started_again(tmp_path: Path) -> None:
    async with started(child(tmp_path, "service"), logs=tmp_path / "logs") as supervisor:
        state = supervisor.states()[0]
        first = state.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: state.pid not in (None, first) and state.condition is Condition.HEALTHY)
        assert state.restarts == 1
        assert not is_running(first)
    assert journal(tmp_path) == ["start service", "start service", "stop service"]


async def test_who_ended_a_program_and_why_is_told(tmp_path: Path) -> None:
    port = free_port()
    command = (sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(tmp_path))
    supervisor = Supervisor(
        [Program("server", command, health.http_answers(port, "/"), port=port)],
        tmp_path / "logs",
        lambda states: said.extend(part.health for part in states if part.condition is Condition.RESTARTING),
        QUICK,
    )
    said: list[str] = []
    try:
        await supervisor.start()
        state = supervisor.states()[0]
        for number, signal_sent in enumerate((signal.SIGSTOP, signal.SIGKILL), 1):
            assert state.pid is not None
            os.kill(state.pid, signal_sent)
            await until(lambda number=number: state.restarts == number and state.condition is Condition.HEALTHY)
    finally:
        await supervisor.stop()
    assert [text.partition(":")[0] if "silence" in text else text for text in said] == [
        "killed by the supervisor after 1 s of silence (no answer",
        "ended: SIGKILL, not by the supervisor",
    ]


async def test_a_program_that_stops_answering_is_ended_and_started_again(tmp_path: Path) -> None:
    port = free_port()
    command = (sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(tmp_path))
    server = Program("server", command, health.http_answers(port, "/"), port=port)
    async with started(server, logs=tmp_path / "logs") as supervisor:
        state = supervisor.states()[0]
        first = state.pid
        assert first is not None
        os.kill(first, signal.SIGSTOP)
        await until(lambda: state.pid not in (None, first) and state.condition is Condition.HEALTHY)
        assert state.restarts == 1


async def test_a_program_that_says_it_is_not_ready_is_left_alone(tmp_path: Path) -> None:
    port = free_port()
    command = (sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(tmp_path))
    page = tmp_path / "ready"
    page.touch()
    server = Program("server", command, health.http_answers(port, "/ready"), port=port)
    async with started(server, logs=tmp_path / "logs") as supervisor:
        state = supervisor.states()[0]
        page.unlink()
        await until(lambda: state.condition is Condition.UNHEALTHY)
        assert "404" in state.health
        page.touch()
        await until(lambda: state.condition is Condition.HEALTHY)
        assert state.restarts == 0


async def test_a_program_that_dies_at_its_start_fails_the_stack_with_its_last_words(tmp_path: Path) -> None:
    supervisor = Supervisor(
        (child(tmp_path, "service", "store", mode="dies"), child(tmp_path, "store")),
        tmp_path / "logs",
        lambda _: None,
        QUICK,
    )
    with pytest.raises(PartFailed, match=r"(?s)service: tried 3 times.*exit code 4.*cannot find the lexicon"):
        await supervisor.start()
    await supervisor.stop()
    assert [state.condition for state in supervisor.states()] == [Condition.FAILED, Condition.STOPPED]
    assert journal(tmp_path)[-1] == "stop store"


async def test_a_program_that_cannot_be_prepared_fails_the_stack_with_the_reason(tmp_path: Path) -> None:
    def prepare() -> None:
        raise RuntimeError("initdb failed: no space left")

    service = Program("store", (sys.executable,), health.file_touched(tmp_path / "x"), prepare=prepare)
    with pytest.raises(PartFailed, match="no space left"):
        async with started(service, logs=tmp_path / "logs"):
            pytest.fail("started")


async def test_a_step_that_fails_keeps_what_needs_it_from_starting(tmp_path: Path) -> None:
    async def migrate() -> None:
        raise RuntimeError("relation exists")

    parts = (Step("migrations", migrate), child(tmp_path, "service", "migrations"))
    with pytest.raises(PartFailed, match="migrations: relation exists"):
        async with started(*parts, logs=tmp_path / "logs"):
            pytest.fail("started")
    assert not (tmp_path / "journal").exists()


async def test_a_program_that_ignores_its_end_is_killed_after_its_grace(tmp_path: Path) -> None:
    async with started(child(tmp_path, "service", mode="stubborn", grace_s=0.2), logs=tmp_path / "logs") as supervisor:
        pid = supervisor.states()[0].pid
    assert pid is not None
    assert not is_running(pid)
    assert journal(tmp_path) == ["start service"]


async def test_what_a_program_started_ends_with_it(tmp_path: Path) -> None:
    async with started(child(tmp_path, "service", mode="parent"), logs=tmp_path / "logs"):
        kin = int((tmp_path / "kin").read_text())
        assert is_running(kin)
    await until(lambda: not is_running(kin))


async def test_no_program_outlives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    supervisor = await asyncio.create_subprocess_exec(sys.executable, str(HERE / "supervised.py"), str(tmp_path))
    await until((tmp_path / "started").exists)
    pid = int((tmp_path / "lone").read_text())
    assert is_running(pid)
    supervisor.kill()
    await supervisor.wait()
    await until(lambda: not is_running(pid))


@pytest.mark.parametrize(
    ("needs", "message"), [({"a": ("b",), "b": ("a",)}, "never met"), ({"a": ("nobody",)}, "never met")]
)
def test_needs_that_cannot_be_met_are_refused(tmp_path: Path, needs: dict[str, tuple[str, ...]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_order(tuple(child(tmp_path, name, *wanted) for name, wanted in needs.items()))
