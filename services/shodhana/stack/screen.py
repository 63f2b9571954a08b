"""What the commands print."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence

import click

from .parts import Condition, PartState
from .places import default_directory
from .state import Phase, StackState

COLOURS = {
    Condition.HEALTHY: "green",
    Condition.DONE: "green",
    Condition.STARTING: "yellow",
    Condition.RESTARTING: "yellow",
    Condition.UNHEALTHY: "red",
    Condition.FAILED: "red",
}
TITLES = {
    "dashboard": "dashboard",
    "grpc": "gRPC (TLS)",
    "rest": "REST",
    "docs": "REST docs",
    "login": "log-in",
    "development login": "log-in (dev)",
    "metrics": "metrics",
    "admin": "Envoy admin",
    "traces": "traces go to",
    "client": "credentials",
}
COLUMNS = ("name", "state", "pid", "port", "restarts", "up", "health")
IMPATIENT_S = 15.0


class Progress:
    """Prints each part once, when it is ready, with the seconds since the start, and each restart.

    After a quarter of a minute it says, once, what a part that has started still waits for.
    """

    def __init__(self) -> None:
        self._told: set[str] = set()
        self._waiting: set[str] = set()
        self._restarts: dict[str, int] = {}

    def __call__(self, state: StackState) -> None:
        now = time.time() - (state.started_at or time.time())
        for part in state.parts:
            if part.restarts > self._restarts.get(part.name, 0):
                self._restarts[part.name] = part.restarts
                click.echo(f"{coloured('↻', 'yellow')} {part.name} {part.health}")
            if part.condition in (Condition.HEALTHY, Condition.DONE) and part.name not in self._told:
                self._told.add(part.name)
                click.echo(f"{coloured('✓', 'green')} {part.name:<16} {now:5.1f} s")
            if _is_late(part) and part.name not in self._waiting:
                self._waiting.add(part.name)
                click.echo(f"{coloured('…', 'yellow')} {part.name:<16} {now:5.1f} s  {part.health}")


class Watcher:
    """What `up` prints of a stack in the foreground; `complain` is given the reason of a failure."""

    def __init__(self, complain: Callable[[str], None]) -> None:
        self._progress = Progress()
        self._complain = complain
        self._phase = Phase.STARTING

    def __call__(self, state: StackState) -> None:
        self._progress(state)
        if state.phase is self._phase:
            return
        self._phase = state.phase
        if state.phase is Phase.READY:
            front_page(state)
        elif state.phase is Phase.STOPPING:
            click.echo("stopping…")
        elif state.phase is Phase.FAILED:
            self._complain(state.error)


def front_page(state: StackState) -> None:
    """Where everything is, and what to do next."""
    click.echo(f"\n{emphasized('Shodhana is up.')}\n")
    for name, title in TITLES.items():
        if address := state.addresses.get(name):
            click.echo(f"  {title:<14} {address}")
    if state.directory != default_directory():
        click.echo(f"\n  export SHODHANA_DIR={state.directory}      # makes it the one that the commands mean")
    click.echo("\n  shodhana process FILE · shodhana status · shodhana logs NAME · shodhana down\n")


def print_status(state: StackState) -> None:
    """One line a part."""
    click.echo(f"{emphasized(state.phase)}  {state.directory}")
    if state.error:
        click.echo(coloured(state.error, "red"))
    rows = [COLUMNS, *(_cells(part) for part in state.parts)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    conditions = [None, *(part.condition for part in state.parts)]
    for row, condition in zip(rows, conditions, strict=True):
        click.echo(_line(row, widths, condition))


def coloured(text: str, colour: str | None) -> str:
    """In colour on a terminal, unless NO_COLOR is set."""
    return click.style(text, fg=colour) if _has_style() and colour else text


def emphasized(text: str) -> str:
    return click.style(text, bold=True) if _has_style() else str(text)


def _has_style() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _is_late(part: PartState) -> bool:
    is_waited_for = part.condition in (Condition.STARTING, Condition.UNHEALTHY) and bool(part.health)
    return is_waited_for and part.started_at is not None and time.time() - part.started_at > IMPATIENT_S


def _cells(part: PartState) -> tuple[str, ...]:
    seconds = f"{time.time() - part.started_at:.0f} s" if part.started_at and part.pid else ""
    numbers = (str(part.pid or ""), str(part.port or ""), str(part.restarts or ""), seconds)
    return (part.name, str(part.condition), *numbers, part.health)


def _line(row: Sequence[str], widths: Sequence[int], condition: Condition | None) -> str:
    """Names, words left; numbers right."""
    name, state, *numbers, health = row
    right = (number.rjust(width) for number, width in zip(numbers, widths[2:-1], strict=True))
    colour = COLOURS.get(condition) if condition else None
    return "  ".join((name.ljust(widths[0]), coloured(state.ljust(widths[1]), colour), *right, health)).rstrip()
