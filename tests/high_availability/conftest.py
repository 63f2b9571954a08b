"""A pair of Postgres servers for the tests of this folder that leave it as they found it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.high_availability.pair import Pair, running_pair


@pytest.fixture(scope="session")
def shared_pair() -> Iterator[Pair]:
    """The standby follows; commits wait for it."""
    with tempfile.TemporaryDirectory(prefix="shodhana-pair-") as folder, running_pair(Path(folder)) as pair:
        pair.set_synchronous()
        yield pair


@pytest.fixture
def pair(shared_pair: Pair) -> Iterator[Pair]:
    yield shared_pair
    shared_pair.link.delay_s = 0.0


@pytest.fixture
def own_pair() -> Iterator[Pair]:
    """To be broken by the test."""
    with tempfile.TemporaryDirectory(prefix="shodhana-pair-") as folder, running_pair(Path(folder)) as pair:
        yield pair
