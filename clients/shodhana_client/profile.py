"""Where the gateway is and with what credentials to call it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .logins import configuration_folder

FILE = "client.json"


class ProfileMissing(Exception):
    """No mesh is known here, or what should say where it is cannot be read."""


class NotLoggedIn(ProfileMissing):
    """The mesh is known, but neither a person nor a program is to call as."""


@dataclass(frozen=True, slots=True)
class Profile:
    """`gateway` is host:port; `ca_certificate` a PEM file, None for the system's authorities."""

    gateway: str
    client_id: str = ""
    """Of a service account; empty: a person has to log in (`shodhana auth login`)."""
    client_secret: str = ""
    ca_certificate: Path | None = None
    rest_url: str = ""

    @property
    def site(self) -> str:
        """What a browser calls."""
        return self.rest_url or f"https://{self.gateway}"

    @classmethod
    def find(cls, path: Path | None = None) -> Profile:
        """From `path`, or the file `SHODHANA_CLIENT`, or client.json in `SHODHANA_DIR`.

        Without these from `.shodhana/client.json` here or in a folder above, else the one that `shodhana profile use`
        chose, else the one that `shodhana auth login --gateway` made. Raises ProfileMissing.
        """
        if named := path or _named():
            return cls.read(named)
        if found := found_profile():
            return cls.read(found)
        raise ProfileMissing(
            "no mesh is known here: start one with `shodhana up`, name the client.json of one with --profile FILE, "
            "or log in to one with `shodhana auth login --gateway HOST:PORT`"
        )

    @classmethod
    def read(cls, path: Path) -> Profile:
        """From a file. Raises ProfileMissing for one that is not there or is not a profile."""
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            authority = document.get("ca_certificate")
            return cls(
                gateway=document["gateway"],
                client_id=document.get("client_id", ""),
                client_secret=document.get("client_secret", ""),
                ca_certificate=Path(authority) if authority else None,
                rest_url=document.get("rest_url", ""),
            )
        except OSError as error:
            raise ProfileMissing(f"no mesh is known at {path}: {error.strerror}") from error
        except KeyError as error:
            raise ProfileMissing(f"{path} is no profile: it has no {error}") from error
        except (ValueError, TypeError, AttributeError) as error:
            raise ProfileMissing(f"{path} is no profile: {error}") from error


def found_profile() -> Path | None:
    """The file to call by where nothing else is named; None where there is none."""
    chosen = chosen_profile()
    candidates = (*_found_here(), *([named_profile(chosen)] if chosen else []), own_profile())
    return _named() or next((path for path in candidates if path.exists()), None)


def named_profile(name: str) -> Path:
    """Where the profile of a name is kept."""
    return configuration_folder() / "profiles" / f"{name}.json"


def profile_names() -> list[str]:
    """Of all that are kept."""
    return sorted(path.stem for path in (configuration_folder() / "profiles").glob("*.json"))


def chosen_profile() -> str:
    """The name that `shodhana profile use` chose; empty where none is."""
    try:
        return _choice().read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def choose_profile(name: str) -> None:
    """Calls by it from now on, where no nearer one is found."""
    _choice().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _choice().write_text(f"{name}\n", encoding="utf-8")


def _choice() -> Path:
    return configuration_folder() / "profile"


def own_profile() -> Path:
    """Where `shodhana auth login --gateway` says which mesh this person calls."""
    return configuration_folder() / FILE


def _named() -> Path | None:
    """What the environment names, whether it is there or not: another mesh would be a surprise."""
    if named := os.environ.get("SHODHANA_CLIENT"):
        return Path(named)
    if directory := os.environ.get("SHODHANA_DIR"):
        return Path(directory) / FILE
    return None


def _found_here() -> Iterator[Path]:
    here = Path.cwd()
    return (folder / ".shodhana" / FILE for folder in (here, *here.parents))
