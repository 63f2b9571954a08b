"""The commands `audit verify` and `audit list`; what they need is imported when they run."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import click

from ..backup.commands import target_of
from ..command_line import directory_of, example, place_of

TIMES = ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S%z")
"""What names no zone is UTC; `%z` reads Z too."""


@click.group(short_help="Verify and list the audit log.", epilog=example("shodhana audit verify"))
def audit() -> None:
    """The audit log: decisions and what became of them, roles, log-ins, versions of the lexicon.

    It is written by the database itself. DATABASE_URL stands for a server of your own; the log is open to the role
    that owns the database, and to no service.
    """


@audit.command(epilog=example("shodhana audit verify", "shodhana audit verify --head 1204:9f86d081884c7d65…"))
@directory_of
@target_of
@click.option("--head", "heads", multiple=True, metavar="N:HASH", help="What entry N was, from a log or a note.")
@click.option("--no-backups", is_flag=True, help="Do not compare with backups: after a restore of an older one.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(directory: Path | None, target: str | None, heads: tuple[str, ...], no_backups: bool, as_json: bool) -> None:
    """Recompute the chain of hashes, and name the first link that is broken.

    Every backup holds the hash that the log ended with when it was taken: so is found also what was cut off, or made
    anew as a whole.

    Exit code 0: nothing was changed, 1: something was, or an error, 2: usage.
    """
    from .reports import verify_log

    sys.exit(verify_log(place_of(directory), heads, None if no_backups else (target,), as_json))


@audit.command("list", epilog=example("shodhana audit list --actor users/7 --since 2026-11-01 --json"))
@directory_of
@click.option("--actor", default="", metavar="NAME", help="Only what NAME did (users/7).")
@click.option("--action", default="", metavar="NAME", help="Only actions that begin so (decisions, users.changed).")
@click.option(
    "--since", type=click.DateTime(TIMES), metavar="TIME", help="Only from then on: 2026-11-01, or with T18:00:00Z."
)
@click.option("--limit", default=100, type=click.IntRange(1), show_default=True, help="At most so many, the newest.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, an object a line.")
def list_entries(
    directory: Path | None, actor: str, action: str, since: datetime | None, limit: int, as_json: bool
) -> None:
    """List entries, the oldest first."""
    from .reports import Wanted, print_entries

    sys.exit(print_entries(place_of(directory), Wanted(actor, action, since, limit), as_json))
