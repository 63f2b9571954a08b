"""The drill in small; `make drill` is the same with 20,000 of everything."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.e2e.backup.drill import Drill

ROWS = 300


@pytest.mark.timeout(900)
def test_what_is_backed_up_and_destroyed_comes_back_the_same() -> None:
    with tempfile.TemporaryDirectory(prefix="shodhana-drill-") as name:
        Path(name).chmod(0o711)  # pytest's own are closed to the user Postgres runs as
        drill = Drill(Path(name), ROWS)
        is_same = drill.run()
    assert is_same, [line for line in drill.table.lines if "DIFFERENT" in line]
