"""Where the gateway is and with what credentials to call it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

FILE = "client.json"


class ProfileMissing(Exception):
    """No mesh is known here."""


@dataclass(frozen=True, slots=True)
class Profile:
    """`gateway` is host:port; `ca_certificate` a PEM file, None for the system's authorities."""

    gateway: str
    client_id: str
    client_secret: str
    ca_certificate: Path | None = None
    rest_url: str = ""

    @classmethod
    def find(cls, path: Path | None = None) -> Profile:
        """From `path`, `SHODHANA_CLIENT`, `SHODHANA_DIR`, or `.shodhana/client.json` here or in a folder above.

        Raises ProfileMissing.
        """
        for candidate in (path, *_usual_places()):
            if candidate is not None and candidate.exists():
                return cls.read(candidate)
        where = f" at {path}" if path else ""
        raise ProfileMissing(
            f"no running mesh found{where}: start one with `shodhana up`, or name one with --profile FILE"
        )

    @classmethod
    def read(cls, path: Path) -> Profile:
        """From a file. Raises ProfileMissing for one that is not a profile."""
        try:
            document = json.loads(path.read_text())
            authority = document.get("ca_certificate")
            return cls(
                gateway=document["gateway"],
                client_id=document["client_id"],
                client_secret=document["client_secret"],
                ca_certificate=Path(authority) if authority else None,
                rest_url=document.get("rest_url", ""),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ProfileMissing(f"{path} is no profile: {error}") from error


def _usual_places() -> list[Path]:
    places = []
    if named := os.environ.get("SHODHANA_CLIENT"):
        places.append(Path(named))
    if directory := os.environ.get("SHODHANA_DIR"):
        places.append(Path(directory) / FILE)
    here = Path.cwd()
    return [*places, *(folder / ".shodhana" / FILE for folder in (here, *here.parents))]
