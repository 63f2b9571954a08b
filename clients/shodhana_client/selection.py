"""What `--json FIELDS` and `--jq EXPRESSION` leave of a document, as gh has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import click

ALL = "*"
FIELDS_KEY, EXPRESSION_KEY = "shodhana.fields", "shodhana.jq"
Command = Callable[..., Any]


class JsonOption(click.Option):
    """`--json`, `--json FIELDS` or `--json=FIELDS`; what follows and names no field is an argument of the command."""

    def __init__(self, known: Callable[[], Sequence[str]], *, has_arguments: bool = False) -> None:
        super().__init__(
            ["--json", "as_json"],
            is_flag=False,
            flag_value=ALL,
            metavar="[FIELDS]",
            help="Print JSON: all of it, or these fields, separated by commas.",
            callback=self._choose,
        )
        self._known = known
        self._has_arguments = has_arguments

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Gives back what is not meant for it: `score --json talk.srt`."""
        super().add_to_parser(parser, ctx)
        ours = parser._long_opt["--json"]
        take = ours.process

        def process(value: Any, state: Any) -> None:
            if isinstance(value, str) and self._has_arguments and not self._means_fields(value):
                state.rargs.insert(0, value)
                value = ALL
            take(value, state)

        ours.process = process

    def _means_fields(self, value: str) -> bool:
        """Whether any part is a field, or nearly one."""
        from difflib import get_close_matches

        return any(get_close_matches(part.strip(), self._known(), 1, 0.85) for part in value.split(","))

    def _choose(self, ctx: click.Context, _: click.Parameter, value: Any) -> bool:
        if value is None:
            return EXPRESSION_KEY in ctx.meta
        if value != ALL:
            ctx.meta[FIELDS_KEY] = self._checked([part.strip() for part in value.split(",")])
        return True

    def _checked(self, fields: list[str]) -> list[str]:
        known = self._known()
        if unknown := [field for field in fields if field not in known]:
            raise click.UsageError(f"unknown field {unknown[0]!r}; there are:\n  " + "\n  ".join(known))
        return fields


class JqOption(click.Option):
    """`--jq EXPRESSION`, which means `--json` too."""

    def __init__(self) -> None:
        super().__init__(
            ["--jq"],
            metavar="EXPRESSION",
            help="Print what a jq expression makes of the JSON.",
            callback=self._choose,
            expose_value=False,
            is_eager=True,  # `--json` asks whether it was given
        )

    def _choose(self, ctx: click.Context, _: click.Parameter, value: Any) -> None:
        if value is not None:
            ctx.meta[EXPRESSION_KEY] = compiled(value)


def compiled(expression: str) -> Any:
    """A jq program. Raises UsageError for one that is none, and where jq is not installed."""
    try:
        import jq
    except ImportError as error:
        raise click.UsageError("--jq needs the package jq: pip install jq") from error
    try:
        return jq.compile(expression)
    except ValueError as error:
        raise click.UsageError(f"--jq: {error}") from error


def as_json(*fields: str, answers: Iterable[str] = (), has_arguments: bool = False) -> Callable[[Command], Command]:
    """`--json` and `--jq` of a command: the fields it prints, or the RPCs ("lexicon get-entry") whose answers."""

    def known() -> Sequence[str]:
        return list(dict.fromkeys((*fields, *(name for rpc in answers for name in fields_of(*rpc.split())))))

    def decorate(command: Command) -> Command:
        for option in (JqOption(), JsonOption(known, has_arguments=has_arguments)):
            attach(command, option)
        return command

    return decorate


def attach(command: Any, option: click.Option) -> None:
    """As click's decorators do."""
    if isinstance(command, click.Command):
        command.params.append(option)
    else:
        command.__click_params__ = [*getattr(command, "__click_params__", []), option]


@cache
def described_services() -> Any:
    """What is generated from the contracts."""
    import json

    return json.loads(Path(__file__).with_name("rpc_methods.json").read_text(encoding="utf-8"))


def fields_of(service: str, method: str) -> list[str]:
    """Of the answer of an RPC; of a page, those of its items come first."""
    described = described_services()[service]["methods"][method]
    return [*described.get("item_fields", ()), *described["answer_fields"]]


def asked_fields() -> list[str] | None:
    """None for all."""
    found: list[str] | None = _asked(FIELDS_KEY)
    return found


def selected(document: Any) -> Any:
    """The document with the fields that were asked for; each of a list's."""
    fields = asked_fields()
    if fields is None:
        return document
    if isinstance(document, list):
        return [selected(item) for item in document]
    return {field: document.get(field) for field in fields}


def written(document: Any, indent: int | None = 2) -> Iterable[str]:
    """The lines to print: JSON, or the results of the jq expression, texts without quotation marks."""
    import json

    chosen, program = selected(document), _asked(EXPRESSION_KEY)
    if program is None:
        yield json.dumps(chosen, ensure_ascii=False, indent=indent)
        return
    try:
        results = program.input_value(chosen).all()
    except ValueError as error:
        raise click.ClickException(f"--jq: {error}") from error
    for result in results:
        yield result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)


def _asked(key: str) -> Any:
    context = click.get_current_context(silent=True)
    return context.meta.get(key) if context is not None else None
