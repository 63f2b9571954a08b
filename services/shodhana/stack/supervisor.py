"""Starts the parts of a stack in order of health, keeps them running, stops them in reverse order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from .keeper import Keeper, Patience
from .logs import log_path, turn_over
from .parts import Condition, Part, PartFailed, PartState, Program, Step, check_order


class Supervisor:
    """All parts of one stack; `changed` is called with their states after each change."""

    def __init__(
        self,
        parts: Iterable[Part],
        logs: Path,
        changed: Callable[[list[PartState]], None],
        patience: Patience | None = None,
    ) -> None:
        self._parts = tuple(parts)
        check_order(self._parts)
        self._tell = changed
        programs = [part for part in self._parts if isinstance(part, Program)]
        self._keepers = {
            program.name: Keeper(program, logs, self._changed, patience or Patience()) for program in programs
        }
        self._step_states = {part.name: PartState(part.name) for part in self._parts if isinstance(part, Step)}
        for program in programs:
            turn_over(log_path(logs, program.name))

    def states(self) -> list[PartState]:
        """In the order of the table."""
        return [self._state(part) for part in self._parts]

    async def start(self) -> None:
        """Starts each part when what it needs is healthy. Raises PartFailed; what runs then is still to be stopped."""
        healthy = {part.name: asyncio.Event() for part in self._parts}
        try:
            async with asyncio.TaskGroup() as group:
                for part in self._parts:
                    group.create_task(self._start_part(part, healthy), name=f"start {part.name}")
        except* PartFailed as failures:
            raise _first(failures) from None

    async def stop(self) -> None:
        """Stops each program when all that need it have stopped."""
        stopped = {part.name: asyncio.Event() for part in self._parts}
        async with asyncio.TaskGroup() as group:
            for part in self._parts:
                group.create_task(self._stop_part(part, stopped), name=f"stop {part.name}")

    async def _start_part(self, part: Part, healthy: dict[str, asyncio.Event]) -> None:
        for need in part.needs:
            await healthy[need].wait()
        if isinstance(part, Program):
            await self._keepers[part.name].start()
        else:
            await self._do(part)
        healthy[part.name].set()

    async def _do(self, step: Step) -> None:
        state = self._step_states[step.name]
        state.condition, state.started_at, state.health = Condition.STARTING, time.time(), "at work"
        self._changed()
        try:
            await step.work()
        except Exception as error:
            state.condition, state.health = Condition.FAILED, type(error).__name__
            self._changed()
            raise PartFailed(f"{step.name}: {error}") from error
        state.condition, state.health = Condition.DONE, ""
        self._changed()

    async def _stop_part(self, part: Part, stopped: dict[str, asyncio.Event]) -> None:
        for other in self._parts:
            if part.name in other.needs:
                await stopped[other.name].wait()
        if isinstance(part, Program):
            await self._keepers[part.name].stop()
        stopped[part.name].set()

    def _state(self, part: Part) -> PartState:
        return self._keepers[part.name].state if isinstance(part, Program) else self._step_states[part.name]

    def _changed(self) -> None:
        self._tell(self.states())


def _first(failures: BaseExceptionGroup[PartFailed]) -> PartFailed:
    failure: BaseException = failures
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    assert isinstance(failure, PartFailed)
    return failure
