"""What the commands of the audit log do and print; each answers with the exit code."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
import click

from ..backup.errors import Refused
from ..backup.session import faults, opened
from ..backup.source import source_of
from ..command_line import ERROR, USAGE, say
from ..places import StackDirectory
from .chain import FIELDS, Verification, verify_chain

HASH_LENGTH = 64
LIST = f"""
SELECT * FROM (
    SELECT {FIELDS} FROM audit.entries
    WHERE ($1 = '' OR actor = $1) AND starts_with(action, $2) AND ($3::timestamptz IS NULL OR at >= $3)
    ORDER BY sequence DESC LIMIT $4
) AS newest ORDER BY sequence
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries to list; empty texts and no time choose all."""

    actor: str
    action: str
    since: datetime | None
    limit: int


def verify_log(
    directory: StackDirectory, heads: Sequence[str], backups: tuple[str | None] | None, as_json: bool
) -> int:
    """Prints how far the chain holds. `backups`: where they are, None in it for the default place."""
    try:
        named = _read_heads(heads)
    except Refused as error:
        say(str(error))
        return USAGE
    with faults() as fault:
        known = named | (_heads_of_backups(directory, *backups) if backups else {})
        found = asyncio.run(_verified(source_of(directory).postgres_url, known))
        if as_json:
            head = {"sequence": found.entries, "hash": found.head.hex()}
            click.echo(json.dumps({"head": head, "known_heads": len(known), "fault": found.fault}))
        elif not found.fault:
            click.echo(
                f"{found.entries} entries, none changed; {len(known)} hashes known from elsewhere are among them"
            )
            click.echo(f"head: {found.entries}:{found.head.hex()}")
        if found.fault:
            say(found.fault)
            return ERROR
    return fault()


def print_entries(directory: StackDirectory, wanted: Wanted, as_json: bool) -> int:
    with faults() as fault:
        for row in asyncio.run(_listed(source_of(directory).postgres_url, wanted)):
            entry = dict(row) | {"at": row["at"].astimezone(UTC).isoformat(), "details": json.loads(row["details"])}
            if as_json:
                click.echo(json.dumps(entry, ensure_ascii=False))
            else:
                who = entry["actor"] if entry["actor"] else entry["role"]
                click.echo(f"{entry['sequence']}  {entry['at']}  {who}  {entry['action']}  {entry['subject']}")
    return fault()


def _read_heads(heads: Sequence[str]) -> dict[int, bytes]:
    """Raises Refused."""
    known = {}
    for head in heads:
        number, _, text = head.partition(":")
        if not number.isdecimal() or len(text) != HASH_LENGTH or set(text) - set("0123456789abcdef"):
            raise Refused(f"--head {head}: must be the number of an entry, a colon and its SHA-256")
        known[int(number)] = bytes.fromhex(text)
    return known


def _heads_of_backups(directory: StackDirectory, target: str | None) -> dict[int, bytes]:
    _, repository = opened(directory, target)
    manifests, unreadable = repository.manifests()
    for name in unreadable:
        say(f"not compared with: {name}")
    heads = [manifest.audit_head for manifest in manifests if manifest.audit_head]
    return {int(head["sequence"]): bytes.fromhex(head["hash"]) for head in heads}


async def _verified(url: str, known: Mapping[int, bytes]) -> Verification:
    connection = await asyncpg.connect(url)
    try:
        return await verify_chain(connection, known)
    finally:
        await connection.close()


async def _listed(url: str, wanted: Wanted) -> list[Any]:
    since = wanted.since.replace(tzinfo=wanted.since.tzinfo or UTC) if wanted.since else None
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(LIST, wanted.actor, wanted.action, since, wanted.limit)
    finally:
        await connection.close()
