"""The commands of a stack, of its backups and its audit log; what they need is imported when they run."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .audit.commands import audit
from .backup.commands import backup, restore, verify
from .certificates.commands import certificates
from .command_line import ERROR, INCOMPLETE, USAGE, directory_of, example, fail, place_of, say
from .consoles import psql, redis
from .places import StackDirectory

if TYPE_CHECKING:
    from .options import StackOptions


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=example("shodhana up --detach"))
def stack() -> None:
    """The whole mesh on one machine."""


@stack.command(epilog=example("shodhana up --detach --replicas 2 --replicas worker=4"))
@directory_of
@click.option("--replicas", multiple=True, metavar="N", help="N for every service, or NAME=N; may be given again.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the gateway.  [default: a free one]")
@click.option("--detach", "-d", is_flag=True, help="Return when the stack is ready, and leave it running.")
def up(directory: Path | None, replicas: tuple[str, ...], port: int | None, detach: bool) -> None:
    """Start the mesh: Postgres, Redis, Envoy, every service, workers.

    DATABASE_URL, REDIS_URL, CELERY_BROKER_URL and OTEL_EXPORTER_OTLP_ENDPOINT stand for servers of your own;
    ENABLE_EPIC_3=false starts the core engine alone. Ctrl-C stops everything.
    """
    from .options import OptionInvalid, options_from
    from .topology import chosen_rows

    try:
        options = options_from(os.environ, replicas, port)
        chosen_rows(options)
    except OptionInvalid as error:
        fail(str(error), USAGE)
    if detach:
        _up_detached(place_of(directory), options, replicas)
        return
    from .run import run_stack
    from .screen import Watcher
    from .state import AlreadyRunning

    try:
        started = run_stack(place_of(directory), options, Watcher(say))
    except (AlreadyRunning, OptionInvalid) as error:
        fail(str(error))
    if not started:
        sys.exit(ERROR)


@stack.command(epilog=example("shodhana down"))
@directory_of
def down(directory: Path | None) -> None:
    """Stop the mesh; its data stays."""
    from .detached import StackFailed, stop

    place = place_of(directory)
    if not place.root.is_dir():
        fail(f"no mesh in {place.root}: there is no such directory")
    try:
        click.echo(f"stopped: {place.root}" if stop(place) else f"nothing runs in {place.root}")
    except StackFailed as error:
        fail(str(error))


@stack.command(epilog=example("shodhana status --watch"))
@directory_of
@click.option("--json", "as_json", is_flag=True, help="Print JSON; with --watch, a line each time.")
@click.option("--watch", is_flag=True, help="Show it anew every few seconds, until Ctrl-C.")
@click.option("--web", is_flag=True, help="Open the dashboard's statistics in the browser.")
def status(directory: Path | None, as_json: bool, watch: bool, web: bool) -> None:
    """Show each process, its memory, calls and errors, what waits, and the last backup of each kind.

    Calls are counted since the look before, if that was within a quarter of an hour, else since the start. Of too few
    calls no 99th percentile is told. 100 % of CPU is one core. Exit code 0: all healthy; 3: not all.
    """
    from .status import open_statistics, show, show_again

    place = place_of(directory)
    if web:
        open_statistics(place)
    elif watch:
        show_again(place, as_json)
    elif not show(place, as_json):
        sys.exit(INCOMPLETE)


@stack.command(epilog=example("shodhana logs gateway --follow", "shodhana logs worker -n 20"))
@click.argument("name")
@directory_of
@click.option("--follow", "-f", is_flag=True, help="Go on until Ctrl-C.")
@click.option("--lines", "-n", default=100, type=click.IntRange(min=0), show_default=True, help="Last lines to show.")
def logs(name: str, directory: Path | None, follow: bool, lines: int) -> None:
    """Print the log of NAME: a process as `status` names it, a service with all its replicas, or `supervisor`.

    Of several the lines are in the order of their times, each behind the name of its process.
    """
    from .service_logs import follow_logs, last_of_all, logs_named

    place = place_of(directory)
    paths = logs_named(place, name)
    if not paths:
        names = ", ".join(sorted(known.stem for known in place.logs.glob("*.log")))
        fail(f"no log {name!r} in {place.logs}; there are: {names or 'none yet'}", USAGE)
    if text := last_of_all(paths, lines):
        click.echo(text)
    if follow:
        follow_logs(paths)


def _up_detached(place: StackDirectory, options: StackOptions, replicas: tuple[str, ...]) -> None:
    from .chosen import refusal_of
    from .detached import StackFailed, start_detached
    from .screen import Progress, front_page
    from .state import Phase, is_locked, read_state

    try:
        if is_locked(place) and (state := read_state(place)).phase is Phase.READY:
            if refusal := refusal_of(options, os.environ, state):
                fail(refusal)
            click.echo(f"already running in {place.root}; `shodhana down` stops it")
        else:
            arguments = [word for text in replicas for word in ("--replicas", text)]
            arguments += ["--port", str(options.gateway_port)] if options.gateway_port else []
            start_detached(place, arguments, Progress())
        front_page(read_state(place))
    except StackFailed as error:
        fail(str(error))


for command in (backup, certificates, restore, verify, audit, psql, redis):
    stack.add_command(command)
