"""The commands `up`, `down`, `status` and `logs`; what they need is imported when they run."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from .places import StackDirectory, default_directory

app = typer.Typer(no_args_is_help=True, help="The whole mesh on one machine.", add_completion=False)

ERROR, USAGE, INCOMPLETE = 1, 2, 3
Directory = Annotated[Path | None, typer.Option("--dir", help="Data of the stack. [default: $SHODHANA_DIR, .shodhana]")]
Replicas = Annotated[
    list[str] | None, typer.Option("--replicas", help="N for every service, or NAME=N; may be given again.")
]
Port = Annotated[
    int | None, typer.Option("--port", help="Port of the gateway. [default: a free one]", min=1, max=65535)
]
Detach = Annotated[bool, typer.Option("--detach", "-d", help="Return when the stack is ready, and leave it running.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def up(directory: Directory = None, replicas: Replicas = None, port: Port = None, detach: Detach = False) -> None:
    """Starts the mesh: Postgres, Redis, Envoy, every service, workers.

    DATABASE_URL, REDIS_URL, CELERY_BROKER_URL and OTEL_EXPORTER_OTLP_ENDPOINT stand for servers of your own;
    ENABLE_EPIC_3=false starts the core engine alone. Ctrl-C stops everything.
    """
    from .options import OptionInvalid, options_from
    from .topology import chosen_rows

    try:
        options = options_from(os.environ, replicas or (), port)
        chosen_rows(options)
    except OptionInvalid as error:
        _fail(str(error), USAGE)
    if detach:
        _up_detached(_place(directory), replicas or [], port)
        return
    from rich.console import Console

    from .run import run_stack
    from .screen import Progress, front_page
    from .state import AlreadyRunning, Phase, StackState

    console, is_told, was_stopping = Console(), False, False
    progress = Progress(console)

    def watcher(state: StackState) -> None:
        nonlocal is_told, was_stopping
        progress(state)
        if state.phase is Phase.READY and not is_told:
            is_told = True
            front_page(console, state)
        if state.phase is Phase.STOPPING and not was_stopping:
            was_stopping = True
            console.print("stopping…")
        if state.phase is Phase.FAILED:
            _say(state.error)

    try:
        started = run_stack(_place(directory), options, watcher)
    except (AlreadyRunning, OptionInvalid) as error:
        _fail(str(error))
    if not started:
        raise typer.Exit(ERROR)


@app.command()
def down(directory: Directory = None) -> None:
    """Stops the mesh; its data stays."""
    from .detached import StackFailed, stop

    place = _place(directory)
    try:
        typer.echo(f"stopped: {place.root}" if stop(place) else f"nothing runs in {place.root}")
    except StackFailed as error:
        _fail(str(error))


@app.command()
def status(directory: Directory = None, as_json: AsJson = False) -> None:
    """Shows each process. Exit code 0: all healthy; 3: not all."""
    from .state import Phase, all_healthy, read_state

    state = read_state(_place(directory))
    is_up = state.phase is Phase.READY and all_healthy(state.parts)
    if as_json:
        import json
        from dataclasses import asdict

        typer.echo(json.dumps(asdict(state), indent=2, default=str))
    else:
        from rich.console import Console

        from .screen import status_table

        status_table(Console(), state)
    if not is_up:
        raise typer.Exit(INCOMPLETE)


@app.command()
def logs(
    name: Annotated[str, typer.Argument(help="A process as `status` names it, or `supervisor`.")],
    directory: Directory = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many of the last lines.", min=0)] = 100,
) -> None:
    """Prints the log of a process."""
    from .logs import follow as followed
    from .logs import last_lines, log_path

    place = _place(directory)
    path = log_path(place.logs, name)
    if not path.exists():
        names = ", ".join(sorted(known.stem for known in place.logs.glob("*.log")))
        _fail(f"no log {name!r} in {place.logs}; there are: {names or 'none yet'}", USAGE)
    if text := last_lines(path, lines):
        typer.echo(text)
    if follow:
        try:
            for part in followed(path, lambda: True):
                sys.stdout.write(part)
                sys.stdout.flush()
        except (KeyboardInterrupt, BrokenPipeError):
            return


def _up_detached(place: StackDirectory, replicas: list[str], port: int | None) -> None:
    from rich.console import Console

    from .detached import StackFailed, start_detached
    from .screen import Progress, front_page
    from .state import Phase, is_locked, read_state

    console = Console()
    if is_locked(place) and read_state(place).phase is Phase.READY:
        typer.echo(f"already running in {place.root}; `shodhana down` stops it")
    else:
        arguments = [word for text in replicas for word in ("--replicas", text)]
        arguments += ["--port", str(port)] if port else []
        try:
            start_detached(place, arguments, Progress(console))
        except StackFailed as error:
            _fail(str(error))
    front_page(console, read_state(place))


def _place(directory: Path | None) -> StackDirectory:
    return StackDirectory(directory.resolve() if directory else default_directory())


def _fail(message: str, code: int = ERROR) -> NoReturn:
    _say(message)
    raise typer.Exit(code)


def _say(message: str) -> None:
    typer.echo(f"shodhana: {message}", err=True)
