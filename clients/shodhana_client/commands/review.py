"""`shodhana review`: by a screen, by lines."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from shodhana.api.identity.v1 import identity_pb2
from shodhana.text.velthuis import after_key, typed

from ..client import Client
from ..errors import ShodhanaError
from ..review.desk import Desk, Wanted
from ..review.lines import Reviewing, farewell
from .session import EXIT_ERROR, EXIT_OK, connected


def review_by_line(wanted: Wanted, as_typed: bool, profile: Path | None) -> int:
    """Questions and answers, one a line."""
    with connected(profile) as client:
        tell_who_decides(client)
        return Reviewing(Desk(client, wanted), str if as_typed else typed).run()


def tell_who_decides(client: Client) -> None:
    """Says so where it is no person: decisions are recorded under a name, and each counts as one expert."""
    try:
        who = client.identity.GetPrincipal(identity_pb2.GetPrincipalRequest()).subject
    except ShodhanaError:
        return  # the review itself will tell what is wrong
    if not who.startswith("users/"):
        print(f"you decide as {who}; to decide under your own name: shodhana auth login", file=sys.stderr)


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
        tell_who_decides(client)
        desk = Desk(client, wanted)
        try:
            ReviewScreen(desk, str if as_typed else after_key).run()
            print(farewell(desk))
        finally:
            desk.leave()
    return EXIT_OK
