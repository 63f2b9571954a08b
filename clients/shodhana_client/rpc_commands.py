"""The commands under `shodhana rpc`, from `rpc_methods.json`, which is generated from the contracts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click

from .groups import LateGroup, examples
from .options import ProfileName
from .selection import JqOption, JsonOption, described_services, fields_of

DATA = click.Option(["--data"], metavar="JSON|@FILE", help="The request, or what the other options leave out of it.")
PROFILE = click.Option(["--profile"], type=ProfileName(), help="The mesh to call.")
Described = dict[str, Any]


class EnumName(click.ParamType[str]):
    """A value of an enum: in full (VERDICT_ACCEPT) or without what all have in common (accept)."""

    name = "value"

    def __init__(self, values: list[str], prefix: str) -> None:
        self._by_word = {value.removeprefix(prefix).lower(): value for value in values}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        word = str(value).lower().replace("-", "_")
        for short, full in self._by_word.items():
            if word in (short, full.lower()):
                return full
        return self.fail(f"{value!r} is none of {', '.join(self._by_word)}", param, ctx)


class JsonValue(click.ParamType[Any]):
    """A message as JSON, or as @FILE that holds it."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return json.loads(Path(value[1:]).read_text(encoding="utf-8") if value.startswith("@") else value)
        except ValueError as error:
            return self.fail(f"{value!r} is no JSON: {error}", param, ctx)


class Base64(click.ParamType[str]):
    """Bytes in Base64, or as @FILE that holds them."""

    name = "base64|@file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value.startswith("@"):
            return str(value)
        from base64 import b64encode

        return b64encode(Path(value[1:]).read_bytes()).decode()


KINDS: dict[str, click.ParamType[Any]] = {
    "text": click.STRING,
    "integer": click.INT,
    "number": click.FLOAT,
    "message": JsonValue(),
    "bytes": Base64(),
}


def services() -> Iterator[click.Command]:
    """A group for each service."""
    for name, service in described_services().items():
        yield LateGroup(
            partial(_methods, name, service),
            name=name,
            help=service["help"],
            epilog=examples(next(iter(service["methods"].values()))["example"]),
        )


def _methods(service_name: str, service: Described) -> Iterator[click.Command]:
    for name, method in service["methods"].items():
        options = [_option(field) for field in method["fields"]]
        yield click.Command(
            name=name,
            help=method["help"],
            params=[*options, DATA, JsonOption(partial(fields_of, service_name, name)), JqOption(), PROFILE],
            callback=partial(_call, service_name, method),
            epilog=examples(method["example"]),
        )


def _option(field: Described) -> click.Option:
    flag = f"--{field['name'].replace('_', '-')}"
    common: dict[str, Any] = {
        "help": _text(field),
        "hidden": field["name"] == "request_id",
        "multiple": field["repeated"],
    }
    if field["kind"] == "flag":
        return click.Option([f"{flag}/--no-{flag[2:]}", field["name"]], default=None, **common)
    enum = field["kind"] == "enum"
    kind = EnumName(field["values"], field["prefix"]) if enum else KINDS[field["kind"]]
    return click.Option([flag, field["name"]], type=kind, **common)


def _text(field: Described) -> str:
    words = [value.removeprefix(field["prefix"]).lower() for value in field.get("values", ())]
    choice = f" One of: {', '.join(words)}." if words else ""
    return f"{field['help']}{choice}{'  [required]' if field['required'] else ''}"


def _call(service_name: str, method: Described, data: str | None, profile: Path | None, **values: Any) -> None:
    from .commands.rpc import call, request_of

    del values["as_json"]  # the printing asks for it
    listed = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
    given = {name: value for name, value in listed.items() if value is not None and value != []}
    document = {**(JsonValue().convert(data, DATA, None) if data else {}), **given}
    try:
        request = request_of(service_name, method["name"], document)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    sys.exit(call(service_name, method["name"], request, method.get("items", ""), profile))
