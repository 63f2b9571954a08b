"""The hashes that restores are compared by: they see what changed, and nothing else."""

from __future__ import annotations

import asyncio

import pytest
from shodhana.stack.backup.content import differences, read_content_of

from tests.conftest import Database, execute

FILL = """
    INSERT INTO similarity.verse (source, reference, text, license)
    SELECT 'talk', n::text, 'कर्मण्येवाधिकारस्ते', 'PD' FROM generate_series(1, 20) n"""
TABLE = "similarity.verse"


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (f"UPDATE {TABLE} SET text = text || 'ा' WHERE reference = '7'", ["20 rows, with other content"]),
        (f"DELETE FROM {TABLE} WHERE reference = '7'", ["19 rows, 20 were backed up"]),
        (f"UPDATE {TABLE} SET text = text WHERE reference = '7'", []),  # the row moves, and is the same
        (f"DROP TABLE {TABLE}", ["is missing"]),
        ("CREATE TABLE public.other ()", ["was not in the backup"]),
    ],
)
def test_a_change_of_content_is_seen(postgres_database: Database, statement: str, said: list[str]) -> None:
    asyncio.run(execute(postgres_database.url, FILL))
    before = asyncio.run(read_content_of(postgres_database.url))
    asyncio.run(execute(postgres_database.url, statement))
    found = differences(before, asyncio.run(read_content_of(postgres_database.url)))
    assert [fault.partition(": ")[2] for fault in found] == said
