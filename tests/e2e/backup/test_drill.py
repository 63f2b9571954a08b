"""The drill in small; `make drill` is the same with 20,000 of everything."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from shodhana.stack.backup.manifest import TableContent

from tests.e2e.backup.drill import Drill, Table
from tests.e2e.backup.fingerprint import DatabaseState

ROWS = 300
NEAREST = ((("dharma", 0.25), ("dhāraṇā", 0.5)),)
STATE = DatabaseState({"review.drafts": TableContent(3, "ab")}, {"drafts_id": 40}, ("i",), ("g",), NEAREST, 0.95)


@pytest.mark.timeout(900)
def test_what_is_backed_up_and_destroyed_comes_back_the_same() -> None:
    with tempfile.TemporaryDirectory(prefix="shodhana-drill-") as name:
        Path(name).chmod(0o711)  # pytest's own are closed to the user Postgres runs as
        drill = Drill(Path(name), ROWS)
        is_same = drill.run()
    assert is_same, [line for line in drill.table.lines if "DIFFERENT" in line]


@pytest.mark.parametrize(
    "found",
    [
        replace(STATE, tables={"review.drafts": TableContent(3, "ac")}),
        replace(STATE, tables={}),
        replace(STATE, sequences={"drafts_id": 39}),
        replace(STATE, sequences={"drafts_id": 140}),
        replace(STATE, indexes=()),
        replace(STATE, grants=("h",)),
        replace(STATE, neighbours=(NEAREST[0][:1],)),
        replace(STATE, recall=0.9),
    ],
)
def test_each_difference_fails_the_drill(found: DatabaseState) -> None:
    table = Table()
    table.database("same", STATE, replace(STATE, sequences={"drafts_id": 72}))
    assert not table.differs
    table.database("other", STATE, found)
    assert [line[2] for line in table.lines].count("DIFFERENT") == 1
