"""The mesh that the short form breaks, started once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.world import World
from tests.faults.world import world as started


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    with started() as found:
        yield found
