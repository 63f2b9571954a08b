"""What a database holds, as hashes: two databases are the same where these are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import asyncpg

from .manifest import TableContent

SETTINGS = (
    *("SET TIME ZONE 'UTC'", "SET datestyle = 'ISO, YMD'", "SET intervalstyle = 'postgres'"),
    *("SET bytea_output = 'hex'", "SET extra_float_digits = 1"),
)
"""The text of a value depends on them."""
TABLES = """
    SELECT format('%I.%I', n.nspname, c.relname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname <> ALL ($1) AND n.nspname !~ '^pg_' AND c.relkind = 'r'
      AND NOT EXISTS (SELECT FROM pg_depend d
          WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    ORDER BY 1"""
CONTENT = """
    SELECT count(*), encode(sha256(coalesce(string_agg(row_hash, ''::bytea ORDER BY row_hash), '')), 'hex')
    FROM (SELECT sha256(convert_to(t::text, 'UTF8')) AS row_hash FROM {table} t) hashed"""


async def read_content(connection: asyncpg.Connection[Any]) -> dict[str, TableContent]:
    """Rows and hash of each table, by their names.

    Not of materialised views: `pg_restore` fills them anew, so that one which lagged is another then.
    """
    for setting in SETTINGS:
        await connection.execute(setting)
    tables = [row[0] for row in await connection.fetch(TABLES, ["information_schema"])]
    content = {}
    for table in tables:
        row = await connection.fetchrow(CONTENT.format(table=table))
        assert row is not None, "an aggregate has one row"
        content[table] = TableContent(row[0], row[1])
    return content


async def read_content_of(url: str) -> dict[str, TableContent]:
    """As `read_content`, in one snapshot of the database at `url`."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await read_content(connection)
    finally:
        await connection.close()


def differences(expected: Mapping[str, TableContent], found: Mapping[str, TableContent]) -> list[str]:
    """A sentence for each table that is not the same; those that are only in `found` count too."""
    faults = []
    for table in sorted({*expected, *found}):
        old, new = expected.get(table), found.get(table)
        if old is None:
            faults.append(f"{table}: was not in the backup")
        elif new is None:
            faults.append(f"{table}: is missing")
        elif old.rows != new.rows:
            faults.append(f"{table}: {new.rows} rows, {old.rows} were backed up")
        elif old.digest != new.digest:
            faults.append(f"{table}: {new.rows} rows, with other content")
    return faults
