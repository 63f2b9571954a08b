"""What commands share: a connection, errors in words, tables, and JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..client import Client, connect
from ..errors import ShodhanaError
from ..profile import ProfileMissing

EXIT_ERROR = 1


@contextmanager
def connected(profile: Path | None) -> Iterator[Client]:
    """A client; errors end the command with 1 and a sentence."""
    try:
        with connect(profile) as client:
            yield client
    except (ProfileMissing, ShodhanaError) as error:
        complain(error)
        sys.exit(EXIT_ERROR)


def complain(error: Exception, about: str = "") -> None:
    """Says on standard error what is wrong, each violation on a line."""
    prefix = f"{about}: " if about else ""
    print(f"error: {prefix}{error}", file=sys.stderr)
    if isinstance(error, ShodhanaError):
        for violation in error.violations[1:20]:
            print(f"  {violation.field}: {violation.description}", file=sys.stderr)
        if error.code.name == "INTERNAL" and error.request_id:
            print(f"  quote request {error.request_id} to whoever runs the mesh", file=sys.stderr)


def print_json(document: Any) -> None:
    """JSON on standard output."""
    print(json.dumps(document, ensure_ascii=False, indent=2))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on a terminal; tab-separated rows elsewhere, for other tools."""
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
