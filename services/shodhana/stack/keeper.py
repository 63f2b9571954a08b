"""The life of one program: started, watched, started again when it dies, stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import launcher
from .logs import last_lines, log_path, open_log
from .parts import Condition, NotReady, PartFailed, PartState, Program


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the supervisor waits for what."""

    start_s: float = 90.0
    """From the first start to health: the first import of large packages on a cold disk is slow."""
    tries: int = 3
    """Deaths in a row before the first health that end the start of the stack."""
    first_pause_s: float = 0.1
    longest_pause_s: float = 5.0
    forgiven_after_s: float = 10.0
    """A program that lived that long starts again after the first pause."""
    silence_s: float = 30.0
    """A program that answered once and then nothing for that long is ended, and so started again."""
    look_again_starting_s: float = 0.05
    look_again_s: float = 1.0


class Keeper:
    """Keeps one program running until `stop`."""

    def __init__(self, program: Program, logs: Path, changed: Callable[[], None], patience: Patience) -> None:
        self.program = program
        self.state = PartState(program.name, port=program.port, metrics_url=program.metrics_url)
        self._log = log_path(logs, program.name)
        self._changed = changed
        self._patience = patience
        self._process: asyncio.subprocess.Process | None = None
        self._first_health = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._pause_s = patience.first_pause_s
        self._killed_for = ""
        """Why the supervisor itself has ended the process; empty while it has not."""

    async def start(self) -> None:
        """Returns when the program is healthy; from then on it is kept so. Raises PartFailed."""
        self._task = asyncio.create_task(self._keep(), name=self.program.name)
        healthy = asyncio.create_task(self._first_health.wait())
        try:
            await asyncio.wait(
                {self._task, healthy}, timeout=self._patience.start_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            healthy.cancel()
        if self._first_health.is_set():
            return
        if self._task.done() and (error := self._task.exception()):
            raise error
        raise self._failure(f"not healthy after {self._patience.start_s:g} s: {self.state.health}")

    async def stop(self) -> None:
        """Asks the program to end, insists after its grace; leaves no child of it behind."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._process is not None and self._process.returncode is None:
            _signal_group(self._process.pid, self.program.stop_signal)
            try:
                await asyncio.wait_for(self._process.wait(), self.program.stop_grace_s)
            except TimeoutError:
                _signal_group(self._process.pid, signal.SIGKILL)
                await self._process.wait()
        if self._process is not None:
            _signal_group(self._process.pid, signal.SIGKILL)  # what it started and did not end
        self.state.pid = None
        if self.state.condition is not Condition.FAILED:
            self._set(Condition.STOPPED)

    async def _keep(self) -> None:
        while True:
            try:
                process = await self._spawn()
            except Exception as error:
                await self._count_death(f"cannot start: {error}")
                continue
            self._process = process
            self.state.pid, self.state.started_at = process.pid, time.time()
            self._killed_for = ""
            self._set(Condition.STARTING)
            watching = asyncio.create_task(self._watch(process))
            try:
                code = await process.wait()
            finally:
                watching.cancel()
            _signal_group(process.pid, signal.SIGKILL)
            await self._count_death(self._killed_for or _end_of_its_own(code))

    async def _spawn(self) -> asyncio.subprocess.Process:
        if self.program.prepare is not None:
            await asyncio.to_thread(self.program.prepare)
        with open_log(self._log) as log:
            return await asyncio.create_subprocess_exec(
                *self.program.words(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                env=os.environ | dict(self.program.environment),
                start_new_session=True,  # Ctrl-C reaches the supervisor, which stops the programs in order
            )

    async def _count_death(self, how: str) -> None:
        """Pauses, longer each time; raises PartFailed where the program never got healthy."""
        patience = self._patience
        if time.time() - (self.state.started_at or time.time()) > patience.forgiven_after_s:
            self._pause_s = patience.first_pause_s
        self.state.restarts += 1
        self.state.pid = None
        self._set(Condition.RESTARTING, how)
        if not self._first_health.is_set() and self.state.restarts >= patience.tries:
            raise self._failure(f"tried {self.state.restarts} times to start it; {how}")
        await asyncio.sleep(self._pause_s)
        self._pause_s = min(self._pause_s * 2, patience.longest_pause_s)

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Asks for health again and again; ends a program that has stopped answering."""
        patience = self._patience
        heard_at: float | None = None
        while True:
            try:
                await self.program.check()
            except NotReady as reason:
                heard_at = time.monotonic()
                self._unhealthy(str(reason))
            except Exception as error:  # whatever a client library raises for "no answer"
                self._unhealthy(f"no answer: {type(error).__name__}")
            else:
                heard_at = time.monotonic()
                self._first_health.set()
                self._set(Condition.HEALTHY)
            is_mute = heard_at is not None and time.monotonic() - heard_at > patience.silence_s
            if is_mute and self.program.answers_while_working:
                silence = f"killed by the supervisor after {patience.silence_s:g} s of silence ({self.state.health})"
                self._killed_for = self._killed_for or silence
                _signal_group(process.pid, signal.SIGKILL)
            is_healthy = self.state.condition is Condition.HEALTHY
            await asyncio.sleep(patience.look_again_s if is_healthy else patience.look_again_starting_s)

    def _unhealthy(self, reason: str) -> None:
        was_healthy = self.state.condition in (Condition.HEALTHY, Condition.UNHEALTHY)
        self._set(Condition.UNHEALTHY if was_healthy else Condition.STARTING, reason)

    def _set(self, condition: Condition, health: str = "") -> None:
        if (self.state.condition, self.state.health) != (condition, health):
            self.state.condition, self.state.health = condition, health
            self._changed()

    def _failure(self, reason: str) -> PartFailed:
        self._set(Condition.FAILED, reason)
        return PartFailed(f"{self.program.name}: {reason}\n{last_lines(self._log, 15)}\n(log: {self._log})")


def guarded(*command: str) -> tuple[str, ...]:
    """The command, told to end (SIGTERM) when the supervisor dies without a word."""
    return (sys.executable, "-I", "-S", str(Path(launcher.__file__)), str(int(signal.SIGTERM)), "-", *command)


def _signal_group(leader: int, number: signal.Signals) -> None:
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        return


def _end_of_its_own(code: int) -> str:
    return f"ended: exit code {code}" if code >= 0 else f"ended: {signal.Signals(-code).name}, not by the supervisor"
