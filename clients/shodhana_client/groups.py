"""Groups of commands, as the tool needs them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

import click


class OrderedGroup(click.Group):
    """Lists its commands in the order they were made, also when none is named: that is a question, no error.

    What the system refuses ends a command with a sentence.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args or ["--help"])

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        found = super().get_command(ctx, cmd_name)
        return found.load() if isinstance(found, LateCommand) else found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As click does it, but nothing is loaded for it."""
        shown = [self.commands[name] for name in self.list_commands(ctx) if not self.commands[name].hidden]
        room = formatter.width - 6 - max((len(command.name or "") for command in shown), default=0)
        with formatter.section("Commands"):
            formatter.write_dl([(command.name or "", command.get_short_help_str(room)) for command in shown])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # whoever read the output has seen enough
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            click.echo(f"error: {where}{error.strerror or error}", err=True)
            sys.exit(1)


class LateCommand(click.Command):
    """Stands in a list of commands for one that is loaded when it is wanted."""

    def __init__(self, load: Callable[[], click.Command], **attributes: Any) -> None:
        super().__init__(**attributes)
        self.load = load


class LateGroup(OrderedGroup):
    """Makes its commands when they are first asked for."""

    def __init__(self, make: Callable[[], Iterable[click.Command]], **attributes: Any) -> None:
        super().__init__(**attributes)
        self._make: Callable[[], Iterable[click.Command]] | None = make

    def list_commands(self, ctx: click.Context) -> list[str]:
        self._fill()
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        self._fill()
        return super().get_command(ctx, cmd_name)

    def _fill(self) -> None:
        make, self._make = self._make, None
        for command in make() if make else ():
            self.add_command(command)


def examples(*lines: str) -> str:
    """The end of a help text."""
    return "\n".join(("\b", "Example:" if len(lines) == 1 else "Examples:", *(f"  {line}" for line in lines)))
