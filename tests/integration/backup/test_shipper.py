"""The log on its way into the archive: a store that is away delays it, and loses nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from shodhana.stack.backup import wal
from shodhana.stack.backup.errors import Damaged
from shodhana.stack.backup.repository import Repository
from shodhana.stack.backup.segments import segment_named
from shodhana.stack.backup.shipper import ship_once
from shodhana.stack.backup.storage import Folder

from tests.integration.backup.conftest import Taken


@pytest.fixture
def identifier(taken: Taken) -> str:
    assert taken.full.wal is not None
    return taken.full.wal.system_identifier


@pytest.fixture
def spool(taken: Taken, identifier: str, tmp_path: Path) -> Path:
    """With one finished segment in it."""
    archive, spool = Repository(Folder(taken.place), taken.keys), tmp_path / "spool"
    spool.mkdir()
    name = next(name for name in archive.wal(identifier) if segment_named(name))
    wal.fetch(archive, identifier, name, archive.wal(identifier)[name], spool)
    return spool


def test_a_store_that_is_away_delays_the_archive_and_shows(
    taken: Taken, identifier: str, spool: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place, ready = tmp_path / "place", tmp_path / "ready"
    repository = Repository(Folder(place), taken.keys)
    place.write_text("no folder")
    ready.touch()
    assert not ship_once(repository, spool, identifier, ready)
    assert not ready.exists()
    assert "1 files of the log wait: cannot write" in capsys.readouterr().out
    (waiting,) = wal.waiting(spool)
    place.unlink()
    assert ship_once(repository, spool, identifier, ready)
    assert ready.exists()
    assert list(repository.wal(identifier)) == [waiting.name]
    assert not wal.waiting(spool)


def test_the_log_of_another_server_is_refused(taken: Taken, spool: Path, tmp_path: Path) -> None:
    with pytest.raises(Damaged, match=r"it is the log of server \d+, not of 7"):
        wal.ship(Repository(Folder(tmp_path / "place"), taken.keys), spool, "7")
    assert wal.waiting(spool)


def test_half_a_segment_is_refused(taken: Taken, identifier: str, spool: Path, tmp_path: Path) -> None:
    (segment,) = wal.waiting(spool)
    segment.write_bytes(segment.read_bytes()[: 1 << 20])
    with pytest.raises(Damaged, match="1048576 bytes, a segment has 16777216"):
        wal.ship(Repository(Folder(tmp_path / "place"), taken.keys), spool, identifier)
