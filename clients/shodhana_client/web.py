"""The pages of the dashboard, for `--web`."""

from __future__ import annotations

import sys
import webbrowser

from .profile import Profile

PAGES = {"review": "/app/review", "queue": "/app/queue"}
PAGE_OF_CASE = "/app/review?case=reviewCases%2F{number}"


def page_of(name: str) -> str:
    """The path of a screen, or of a case by its name: "reviewCases/678"."""
    collection, _, number = name.partition("/")
    return PAGE_OF_CASE.format(number=number) if collection == "reviewCases" else PAGES[name]


def open_page(name: str, profile: Profile) -> None:
    """Opens it in the browser, and says where it is: on a server there is none."""
    address = f"{profile.site.removesuffix('/v1')}{page_of(name)}"
    print(f"Opening {address}", file=sys.stderr)
    webbrowser.open(address)
