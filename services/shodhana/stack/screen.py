"""What the commands print."""

from __future__ import annotations

import time

from rich.console import Console
from rich.table import Table

from .parts import Condition
from .state import StackState

COLOURS = {
    Condition.HEALTHY: "green",
    Condition.DONE: "green",
    Condition.STARTING: "yellow",
    Condition.RESTARTING: "yellow",
    Condition.UNHEALTHY: "red",
    Condition.FAILED: "red",
}
TITLES = {
    "grpc": "gRPC (TLS)",
    "rest": "REST",
    "docs": "REST docs",
    "metrics": "metrics",
    "admin": "Envoy admin",
    "traces": "traces go to",
    "client": "credentials",
}


class Progress:
    """Prints each part once, when it is ready, with the seconds since the start; and each later restart."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told: set[str] = set()
        self._restarts: dict[str, int] = {}

    def __call__(self, state: StackState) -> None:
        for part in state.parts:
            if part.restarts > self._restarts.get(part.name, 0):
                self._restarts[part.name] = part.restarts
                self._console.print(f"[yellow]↻[/] {part.name} {part.health}", highlight=False, soft_wrap=True)
            if part.condition in (Condition.HEALTHY, Condition.DONE) and part.name not in self._told:
                self._told.add(part.name)
                seconds = time.time() - (state.started_at or time.time())
                self._console.print(f"[green]✓[/] {part.name:<16} {seconds:5.1f} s", highlight=False)


def front_page(console: Console, state: StackState) -> None:
    """Where everything is."""
    table = Table.grid(padding=(0, 2))
    for name, title in TITLES.items():
        if address := state.addresses.get(name):
            table.add_row(f"  {title}", address)
    console.print("\n[bold]Shodhana is up.[/]\n", highlight=False)
    console.print(table)
    console.print("\n  shodhana process FILE · shodhana status · shodhana logs NAME · shodhana down\n", highlight=False)


def status_table(console: Console, state: StackState) -> None:
    """One line a part."""
    console.print(f"[bold]{state.phase}[/]  {state.directory}", highlight=False, soft_wrap=True)
    if state.error:
        console.print(state.error, style="red", highlight=False, markup=False, soft_wrap=True)
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("name", "state", "pid", "port", "restarts", "up", "health"):
        table.add_column(title, justify="right" if title in ("pid", "port", "restarts", "up") else "left")
    for part in state.parts:
        seconds = f"{time.time() - part.started_at:.0f} s" if part.started_at and part.pid else ""
        condition = f"[{COLOURS.get(part.condition, 'default')}]{part.condition}[/]"
        numbers = (str(part.pid or ""), str(part.port or ""), str(part.restarts or ""), seconds)
        table.add_row(part.name, condition, *numbers, part.health)
    console.print(table)
