"""What `shodhana status` prints, once or again and again."""

from __future__ import annotations

import json
import time
import webbrowser

import click

from .command_line import fail
from .overview import as_json, overview_of
from .places import StackDirectory
from .screen import print_status
from .state import Phase, all_healthy, read_state

PAUSE_S = 3.0


def show(place: StackDirectory, in_json: bool, indent: int | None = 2) -> bool:
    """Prints the state of a stack; says whether all of it is healthy."""
    state = read_state(place)
    seen = overview_of(place, state)
    if in_json:
        click.echo(json.dumps(as_json(state, seen), indent=indent, default=str))
    else:
        print_status(state, seen)
    return state.phase is Phase.READY and all_healthy(state.parts)


def show_again(place: StackDirectory, in_json: bool) -> None:
    """Until Ctrl-C: on a clear screen, or a line of JSON each time."""
    try:
        while True:
            if not in_json:
                click.clear()
            show(place, in_json, indent=None)
            time.sleep(PAUSE_S)
    except KeyboardInterrupt:
        return


def open_statistics(place: StackDirectory) -> None:
    """Opens them in the browser, and says where they are; ends the command where nothing runs."""
    state = read_state(place)
    dashboard = state.addresses.get("dashboard")
    if state.phase is Phase.DOWN or not dashboard:
        fail(f"nothing runs in {place.root}: shodhana up")
    address = f"{dashboard.rstrip('/')}/app/statistics"
    click.echo(f"Opening {address}", err=True)
    webbrowser.open(address)
