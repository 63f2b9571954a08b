"""Where the strings of a JSON document stand, so that one can be changed and every other byte kept."""

from __future__ import annotations

import json
import re

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
Path = tuple[str | int, ...]


def string_places(source: str) -> dict[Path, tuple[int, int]]:
    """Place [start, end), quotes included, of every string value by its path. `source` must be valid JSON."""
    places: dict[Path, tuple[int, int]] = {}
    stack: list[str | int] = []  # a key or an index for each open object or array
    containers: list[str] = []
    expects_key = False
    for match in _TOKEN.finditer(source):
        token = match.group()
        if token in "{[":
            containers.append(token)
            stack.append(0 if token == "[" else "")
            expects_key = token == "{"
        elif token in "}]":
            containers.pop()
            stack.pop()
            expects_key = False
        elif token == ",":
            last = stack[-1]
            if isinstance(last, int):
                stack[-1] = last + 1
            expects_key = containers[-1] == "{"
        elif token == ":":
            expects_key = False
        elif token.startswith('"'):
            if expects_key:
                stack[-1] = json.loads(token)
            else:
                places[tuple(stack)] = match.span()
    return places
