"""The pages of the dashboard, for `--web`."""

from __future__ import annotations

import sys
import webbrowser
from urllib.parse import quote

from .profile import Profile

PAGES = {
    "review": "/app/review",
    "queue": "/app/queue",
    "lexicon": "/app/lexicon",
    "proposals": "/app/lexicon/proposals",
}


def page_of(name: str) -> str:
    """The path of a screen, or of what has a name: "reviewCases/678", "jobs/9", "terms/krishna"."""
    collection, _, rest = name.partition("/")
    if collection == "reviewCases":
        return f"{PAGES['review']}?case={quote(name, safe='')}"
    if collection == "terms":
        return f"{PAGES['lexicon']}?q={quote(rest, safe='')}"
    return f"/app/files/{rest}" if collection == "jobs" else PAGES[name]


def open_page(name: str, profile: Profile) -> None:
    """Opens it in the browser, and says where it is: on a server there is none."""
    open_address(f"{profile.site.removesuffix('/v1')}{page_of(name)}")


def open_address(address: str) -> None:
    """Opens any address, of a file too, and says it."""
    print(f"Opening {address}", file=sys.stderr)
    webbrowser.open(address)
