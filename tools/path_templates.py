"""Path templates of google.api.http ("/v1/{name=jobs/*}:cancel") in other notations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

VARIABLE = re.compile(r"\{([^}=]+)(?:=([^}]+))?\}")
SLASH_OUTSIDE_BRACKETS = re.compile(r"/(?![^\[]*\])")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One variable segment of a path: the field it fills, its name in OpenAPI and its place in the resource name."""

    field: str
    name: str
    position: int


def lua_pattern(template: str) -> str:
    """The Lua pattern that the paths of a template match."""
    expanded = VARIABLE.sub(lambda found: found[2] or "*", template)
    escaped = re.sub(r"[-.+?^$()%\[\]]", r"%\g<0>", expanded)
    return f"^{escaped.replace('*', '[^/:]+')}$"


def openapi_path(template: str) -> str:
    """The template with one parameter a segment: "/v1/jobs/{job}:cancel"."""
    names = iter(placeholders(template))
    expanded = VARIABLE.sub(lambda found: found[2] or "*", template)
    return re.sub(r"\*", lambda _: f"{{{next(names).name}}}", expanded)


def bound_fields(template: str) -> set[str]:
    """The fields that the path fills ("user.name")."""
    return {found[1] for found in VARIABLE.finditer(template)}


def placeholders(template: str) -> Iterator[Placeholder]:
    """The variable segments in their order."""
    for found in VARIABLE.finditer(template):
        segments = (found[2] or "*").split("/")
        for position, segment in enumerate(segments):
            if segment == "*":
                collection = segments[position - 1] if position else found[1]
                yield Placeholder(found[1], singular(collection), position)


def segment_pattern(pattern: str, position: int) -> str | None:
    """The regular expression of one segment of a resource name, out of that of the whole name."""
    segments = SLASH_OUTSIDE_BRACKETS.split(pattern.removeprefix("^").removesuffix("$"))
    return f"^{segments[position]}$" if position < len(segments) else None


def singular(collection: str) -> str:
    """ "entries" → "entry", "jobs" → "job"."""
    if collection.endswith("ies"):
        return f"{collection[:-3]}y"
    return collection.removesuffix("s")
