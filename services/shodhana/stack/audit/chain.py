"""Recomputes the chain of hashes, apart from the database that made it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import asyncpg

FIRST_LINK = bytes(32)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIELDS = "sequence, at, role, actor, action, subject, details::text AS details"
NOTHING_KNOWN: Mapping[int, bytes] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Verification:
    """How far the chain was followed, and what broke it."""

    entries: int
    head: bytes
    fault: str = ""
    """A sentence that names the first broken link; empty where there is none."""


async def verify_chain(connection: asyncpg.Connection[Any], known: Mapping[int, bytes] = NOTHING_KNOWN) -> Verification:
    """Follows the chain from its first entry to its last, in one snapshot.

    `known` are hashes by sequence that were written down elsewhere: only they tell a chain that was cut at its end, or
    made anew, from the one that was.
    """
    head, expected = FIRST_LINK, 1
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        async for row in _rows(connection):
            fault = _fault(row, expected, head, known)
            if fault:
                return Verification(expected - 1, head, fault)
            head, expected = bytes(row["hash"]), expected + 1
    beyond = [sequence for sequence in known if sequence >= expected]
    fault = f"the log ends with entry {expected - 1}: entry {min(beyond)} is missing, which was there" if beyond else ""
    return Verification(expected - 1, head, fault)


def link(before: bytes, row: Mapping[str, Any]) -> bytes:
    """The hash of an entry: SHA-256 of the hash before it and of each field after its length in bytes."""
    microseconds = (row["at"] - EPOCH) // timedelta(microseconds=1)
    texts = (row["role"], row["actor"], row["action"], row["subject"], row["details"])
    fields = [field.encode() for field in (str(row["sequence"]), str(microseconds), *texts)]
    return hashlib.sha256(before + b"".join(b"%d:%b" % (len(field), field) for field in fields)).digest()


def _fault(row: Mapping[str, Any], expected: int, head: bytes, known: Mapping[int, bytes]) -> str:
    sequence = row["sequence"]
    if sequence != expected:
        return f"entry {expected} is missing: entry {sequence} follows entry {expected - 1}"
    if link(head, row) != row["hash"]:
        return f"entry {sequence} was changed: its hash is not that of its content and of the entry before it"
    if known.get(sequence, row["hash"]) != row["hash"]:
        return f"entry {sequence} is not the one that was there: the chain was made anew, here or before it"
    return ""


async def _rows(connection: asyncpg.Connection[Any]) -> AsyncIterator[Mapping[str, Any]]:
    async for row in connection.cursor(f"SELECT {FIELDS}, hash FROM audit.entries ORDER BY sequence", prefetch=1000):
        yield row
