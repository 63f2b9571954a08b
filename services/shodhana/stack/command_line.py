"""What the commands of a stack have in common."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO, Any, NoReturn

import click

from .places import StackDirectory, default_directory

ERROR, USAGE, INCOMPLETE = 1, 2, 3
directory_of = click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Data of the stack.  [default: $SHODHANA_DIR, or .shodhana]",
)


class Unusable(click.ClickException):
    """A file of a stack that any command may meet; the message is all there is to say, and ends the command."""

    exit_code = ERROR

    def show(self, file: IO[Any] | None = None) -> None:
        say(self.message)


def example(*lines: str) -> str:
    """The end of a help text."""
    return "\n".join(("\b", "Example:" if len(lines) == 1 else "Examples:", *(f"  {line}" for line in lines)))


def place_of(directory: Path | None) -> StackDirectory:
    return StackDirectory(directory.resolve() if directory else default_directory())


def fail(message: str, code: int = ERROR) -> NoReturn:
    say(message)
    sys.exit(code)


def say(message: str) -> None:
    click.echo(f"shodhana: {message}", err=True)
