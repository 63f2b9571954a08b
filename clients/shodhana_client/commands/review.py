"""`shodhana review`: by a screen, by lines."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from shodhana.text.velthuis import after_key, typed

from ..review.desk import Desk, Wanted
from ..review.lines import Reviewing, farewell
from .session import EXIT_ERROR, EXIT_OK, connected


def review_by_line(wanted: Wanted, as_typed: bool, profile: Path | None) -> int:
    """Questions and answers, one a line."""
    with connected(profile) as client:
        return Reviewing(Desk(client, wanted), str if as_typed else typed).run()


def review_by_screen(wanted: Wanted, as_typed: bool, profile: Path | None) -> int:
    """The whole terminal; without Textual it says how to get it."""
    if find_spec("textual") is None:
        print(
            "error: the screen needs Textual: pip install textual. `shodhana review --line` works without it.",
            file=sys.stderr,
        )
        return EXIT_ERROR
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print("error: this is no terminal: use `shodhana review --line`, or checkout and apply", file=sys.stderr)
        return EXIT_ERROR
    from ..screen.application import ReviewScreen

    with connected(profile) as client:
        desk = Desk(client, wanted)
        try:
            ReviewScreen(desk, str if as_typed else after_key).run()
            print(farewell(desk))
        finally:
            desk.leave()
    return EXIT_OK
