"""The life of a stack in the foreground: plan, start, wait for a signal, stop."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace

from .certificates.renewal import keep_certificates
from .chosen import chosen_by
from .credentials import write_private
from .options import StackOptions
from .parts import PartFailed, PartState
from .places import StackDirectory
from .plan import StackPlan, plan_stack
from .state import SUPERVISES, Phase, StackState, end_leftovers, locked, state_if_readable, write_state
from .supervisor import Supervisor

LOOK_AGAIN_S = 1.0
Watcher = Callable[[StackState], None]


def run_stack(
    directory: StackDirectory, options: StackOptions, watcher: Watcher, only: frozenset[str] | None = None
) -> bool:
    """Runs a stack until SIGINT or SIGTERM; `watcher` is told of each change. False: it did not start.

    `only` names the parts to run, with those that they need; None: all. Raises AlreadyRunning, OptionInvalid,
    SecretsUnusable.
    """
    with locked(directory, SUPERVISES):
        end_leftovers(state_if_readable(directory))
        plan = plan_stack(directory, options)
        if only is not None:
            plan = replace(plan, parts=tuple(part for part in plan.parts if part.name in only))
        return asyncio.run(_Run(directory, plan, watcher, chosen_by(options)).run())


class _Run:
    def __init__(self, directory: StackDirectory, plan: StackPlan, watcher: Watcher, chosen: dict[str, str]) -> None:
        self._directory = directory
        self._plan = plan
        self._watcher = watcher
        addresses = {**plan.addresses, "client": str(directory.client)}
        self._state = StackState(
            directory.root, Phase.STARTING, os.getpid(), time.time(), addresses=addresses, chosen=chosen
        )
        self._supervisor = Supervisor(plan.parts, directory.logs, self._parts_changed)

    async def run(self) -> bool:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stopping.set)
        write_private(self._directory.client, self._plan.client)
        self._parts_changed(self._supervisor.states())
        renewing = asyncio.create_task(keep_certificates(self._directory), name="certificates")
        try:
            await self._start_unless(stopping)
            if not stopping.is_set():
                self._enter(Phase.READY)
            await stopping.wait()
        except PartFailed as failure:
            self._state.error = str(failure)
        finally:
            renewing.cancel()
            self._enter(Phase.STOPPING)
            await self._supervisor.stop()
            self._enter(Phase.FAILED if self._state.error else Phase.DOWN)
        return not self._state.error

    async def _start_unless(self, stopping: asyncio.Event) -> None:
        """Starts; gives up when told to stop meanwhile. Raises PartFailed."""
        starting = asyncio.create_task(self._supervisor.start())
        told = asyncio.create_task(stopping.wait())
        while not starting.done() and not told.done():
            await asyncio.wait({starting, told}, timeout=LOOK_AGAIN_S, return_when=asyncio.FIRST_COMPLETED)
            self._watcher(self._state)  # who watches may say what takes long
        told.cancel()
        if starting.done():
            return starting.result()
        starting.cancel()
        await asyncio.wait({starting})
        return None

    def _parts_changed(self, parts: list[PartState]) -> None:
        self._state.parts = parts
        self._publish()

    def _enter(self, phase: Phase) -> None:
        self._state.phase = phase
        self._publish()

    def _publish(self) -> None:
        write_state(self._directory, self._state)
        self._watcher(self._state)
