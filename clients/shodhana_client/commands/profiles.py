"""`shodhana profile …`: the meshes that this person calls."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..logins import StoredLogin, write_private
from ..profile import (
    Profile,
    ProfileMissing,
    choose_profile,
    found_profile,
    named_profile,
    own_profile,
    profile_names,
)
from ..terminal import print_json, print_table
from .session import EXIT_ERROR, EXIT_OK, complain

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,49}")


def list_profiles(as_json: bool) -> int:
    """Those that have a name, and the one that is called from here."""
    documents = list(_documents())
    if as_json:
        print_json(documents)
        return EXIT_OK
    rows = [
        ("*" if one["is_called"] else "", *(one[key] for key in ("name", "gateway", "calls_as"))) for one in documents
    ]
    print_table(("", "profile", "gateway", "calls as"), rows)
    return EXIT_OK


def set_profile(name: str, gateway: str, authority: Path | None) -> int:
    """Writes one, in place of the one that had the name."""
    if not NAME.fullmatch(name):
        complain(ValueError(f"{name!r} is no name: letters, digits, - and _, at most 50"))
        return EXIT_ERROR
    document = {"gateway": gateway if ":" in gateway else f"{gateway}:443"}
    if authority is not None:
        authority.read_bytes()  # says now what would otherwise be said by each call
        document["ca_certificate"] = str(authority.resolve())
    write_private(named_profile(name), document)
    print(f"{name} is {document['gateway']}; `shodhana auth login --profile {name}` logs in to it")
    return EXIT_OK


def use_profile(name: str) -> int:
    """Chooses one; says where another is nearer."""
    if not named_profile(name).exists():
        complain(ProfileMissing(f"no profile {name!r}; there are: {', '.join(profile_names()) or 'none'}"))
        return EXIT_ERROR
    choose_profile(name)
    found = found_profile()
    if found is not None and found != named_profile(name):
        print(f"{name} is chosen, but {found} is nearer: --profile {name} calls it from here", file=sys.stderr)
    else:
        print(f"{name} is called from now on")
    return EXIT_OK


def _documents() -> Iterator[dict[str, Any]]:
    called = found_profile()
    paths = {named_profile(name): name for name in profile_names()}
    if own_profile().exists():
        paths[own_profile()] = "(log-in)"
    if called is not None:
        paths.setdefault(called, "(here)")
    for path, name in paths.items():
        yield {"name": name, "path": str(path), "is_called": path == called, **_described(path)}


def _described(path: Path) -> dict[str, str]:
    try:
        found = Profile.read(path)
    except ProfileMissing as error:
        return {"gateway": "", "calls_as": str(error)}
    account = f"service account {found.client_id}" if found.client_id else "nobody"
    return {"gateway": found.gateway, "calls_as": "log-in" if StoredLogin.of(found.gateway) else account}
