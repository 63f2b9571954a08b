"""What commands share: a connection, and errors in words."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..client import Client, connect
from ..errors import PermissionDenied, ShodhanaError, Unauthenticated, Unavailable
from ..profile import NotLoggedIn, Profile, ProfileMissing
from ..web import open_page

EXIT_OK, EXIT_ERROR, EXIT_REVIEW, EXIT_REFUSED = 0, 1, 3, 4
MOST_VIOLATIONS = 20


@contextmanager
def connected(profile: Profile | Path | None) -> Iterator[Client]:
    """A client; errors end the command with a sentence, and with 4 where another log-in is needed, else 1."""
    try:
        with connect(profile) as client:
            yield client
    except (ProfileMissing, ShodhanaError) as error:
        complain(error)
        sys.exit(exit_code_of(error))


def exit_code_of(error: Exception) -> int:
    """What a command ends with: 4 where nobody is logged in, or somebody who may not."""
    return EXIT_REFUSED if isinstance(error, NotLoggedIn | Unauthenticated | PermissionDenied) else EXIT_ERROR


def print_token(profile: Path | None) -> None:
    """Prints an access token; errors end the command."""
    with connected(profile) as client:
        print(client.token())


def open_in_browser(name: str, profile: Path | None) -> int:
    """The page of what has a name, or one of `web.PAGES`."""
    try:
        open_page(name, Profile.find(profile))
    except ProfileMissing as error:
        complain(error)
        return EXIT_ERROR
    return EXIT_OK


def complain(error: Exception, about: str = "") -> None:
    """Says on standard error what is wrong, each violation on a line."""
    prefix = f"{about}: " if about else ""
    print(f"error: {prefix}{words_of(error)}", file=sys.stderr)
    if isinstance(error, ShodhanaError):
        for violation in error.violations[1:MOST_VIOLATIONS]:
            print(f"  {violation.field}: {violation.description}", file=sys.stderr)
        if error.code.name == "INTERNAL" and error.request_id:
            print(f"  quote request {error.request_id} to whoever runs the mesh", file=sys.stderr)


def words_of(error: Exception) -> str:
    """What went wrong, for a reader."""
    if isinstance(error, Unavailable) and not error.reason:  # no service and no gateway wrote it
        _, _, last = error.message.rpartition("UNKNOWN: ")
        return f"the mesh does not answer ({last}); `shodhana status` shows one here, `shodhana up` starts it"
    if isinstance(error, PermissionDenied):
        return f"{error}; `shodhana auth status` tells who asks, after `shodhana auth logout` the program does"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)
