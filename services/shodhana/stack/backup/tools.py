"""Postgres's own programs, told where the server is by the environment: passwords stand in no list of processes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from ..postgres import programs
from .errors import ToolFailed

LAST_LINES = 12
PARALLEL = "2"


def run(program: str, *arguments: str | Path, url: str | None = None, database: str | None = None) -> str:
    """Runs a program of Postgres against the server at `url`; its output. Raises ToolFailed."""
    command = [str(programs() / program), *map(str, arguments)]
    environment = os.environ | (libpq_environment(url, database) if url else {})
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        words = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise ToolFailed(f"{program} failed:\n  " + "\n  ".join(words[-LAST_LINES:]))
    return done.stdout


def libpq_environment(url: str, database: str | None = None) -> dict[str, str]:
    """What libpq reads instead of a URL."""
    parts = urlsplit(url)
    values = {
        "PGHOST": parts.hostname or "",
        "PGPORT": str(parts.port or ""),
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": database or database_of(url),
    }
    return {name: value for name, value in (values | _options(parts.query)).items() if value}


def database_of(url: str) -> str:
    return unquote(urlsplit(url).path.lstrip("/"))


def with_database(url: str, name: str) -> str:
    """The same server's other database."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def _options(query: str) -> dict[str, str]:
    return {f"PG{name.upper()}": value for name, value in parse_qsl(query)}
