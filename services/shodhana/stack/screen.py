"""What the commands print."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from .ages import ago
from .parts import Condition, PartState
from .places import default_directory
from .state import Phase, StackState

if TYPE_CHECKING:
    from .figures import Traffic
    from .overview import Overview

COLOURS = {
    Condition.HEALTHY: "green",
    Condition.DONE: "green",
    Condition.STARTING: "yellow",
    Condition.RESTARTING: "yellow",
    Condition.UNHEALTHY: "red",
    Condition.FAILED: "red",
    Condition.UNWATCHED: "red",
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
MEASURED = ("memory", "cpu", "calls/s", "failed", "p99")
COLUMNS = ("name", "state", "pid", "port", "restarts", "up", *MEASURED, "health")
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
                click.echo(f"{coloured('↻', 'yellow')} {part.name:<16} {_now()}  {part.health}")
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
            click.echo(f"stopping… {_now()}")
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


def print_status(state: StackState, seen: Overview | None = None) -> None:
    """One line a part; then what waits, and the last backup of each kind."""
    click.echo(f"{emphasized(state.phase)}  {state.directory}")
    if state.error:
        click.echo(coloured(state.error, "red"))
    rows = [COLUMNS, *(_cells(part, seen) for part in state.parts)]
    shown = [n for n, title in enumerate(COLUMNS) if title not in MEASURED or any(row[n] for row in rows[1:])]
    rows = [tuple(row[n] for n in shown) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    conditions = [None, *(part.condition for part in state.parts)]
    for row, condition in zip(rows, conditions, strict=True):
        click.echo(_line(row, widths, condition))
    if seen is not None:
        click.echo("\n" + "\n".join(f"{emphasized(title.ljust(7))} {text}" for title, text in _summary(seen)))


def coloured(text: str, colour: str | None) -> str:
    """In colour on a terminal, unless NO_COLOR is set."""
    return click.style(text, fg=colour) if _has_style() and colour else text


def emphasized(text: str) -> str:
    return click.style(text, bold=True) if _has_style() else str(text)


def _now() -> str:
    """As the services' logs have it."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _has_style() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _is_late(part: PartState) -> bool:
    is_waited_for = part.condition in (Condition.STARTING, Condition.UNHEALTHY) and bool(part.health)
    return is_waited_for and part.started_at is not None and time.time() - part.started_at > IMPATIENT_S


def _cells(part: PartState, seen: Overview | None) -> tuple[str, ...]:
    up = ago(time.time() - part.started_at) if part.started_at and part.pid else ""
    numbers = (str(part.pid or ""), str(part.port or ""), str(part.restarts or ""), up)
    return (part.name, str(part.condition), *numbers, *_measured(part.name, seen), part.health)


def _measured(name: str, seen: Overview | None) -> tuple[str, ...]:
    vitals = seen.vitals.get(name) if seen else None
    traffic = seen.figures.traffic.get(name) if seen and seen.figures else None
    resources = (f"{vitals.memory_bytes / 2**20:.0f} MB", f"{vitals.cpu_cores:.0%}") if vitals else ("", "")
    if traffic is None or not traffic.calls_per_s:
        return (*resources, "", "", "")
    p99 = "" if traffic.p99_s is None else f"{traffic.p99_s * 1000:.0f} ms"
    return (*resources, f"{traffic.calls_per_s:.2f}", f"{traffic.failed:.0f}" if traffic.failed else "", p99)


def _summary(seen: Overview) -> list[tuple[str, str]]:
    lines = []
    if figures := seen.figures:
        work = figures.work
        lines.append(("calls", f"{_answered(figures.traffic.get('gateway'))} over the last {ago(figures.over_s)}"))
        oldest = f", the oldest {ago(work.review_oldest_s)}" if work.review_cases else ""
        lines.append(("review", f"{work.review_cases:.0f} cases wait{oldest}; {work.review_overdue:.0f} overdue"))
        oldest = f", the oldest {ago(work.files_oldest_s)}" if work.files_queued else ""
        jobs = f"{work.files_queued:.0f} files wait{oldest}; {work.files_running:.0f} in work"
        lines.append(("jobs", jobs))
        score = "" if work.mean_academic_score is None else f"; mean academic score {work.mean_academic_score:.3f}"
        lines.append(
            ("files", f"{work.files_succeeded:.0f} corrected since the start, {work.files_failed:.0f} failed{score}")
        )
    backups = "; ".join(f"{backup.id}, {ago(backup.age_s)} ago" for backup in seen.backups)
    return [*lines, ("backup", backups or "none here")]


def _answered(traffic: Traffic | None) -> str:
    if traffic is None:
        return "the gateway does not say"
    return f"{traffic.calls_per_s:.2f} a second answered at the gateway, {traffic.failed:.0f} failed,"


def _line(row: Sequence[str], widths: Sequence[int], condition: Condition | None) -> str:
    """Names, words left; numbers right."""
    name, state, *numbers, health = row
    right = (number.rjust(width) for number, width in zip(numbers, widths[2:-1], strict=True))
    colour = COLOURS.get(condition) if condition else None
    return "  ".join((name.ljust(widths[0]), coloured(state.ljust(widths[1]), colour), *right, health)).rstrip()
