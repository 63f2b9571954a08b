"""Which backups a policy keeps; the last good one and what increments need are kept in any case."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from shodhana.stack.backup.manifest import Kind, Manifest, WalRange
from shodhana.stack.backup.repository import Repository
from shodhana.stack.backup.retention import Policy, plan, prune, wanted
from shodhana.stack.backup.storage import Folder

from tests.integration.backup.conftest import new_keys

NONE = Policy(last=0, daily=0, weekly=0, monthly=0)
LAST = Policy(last=1, daily=0, weekly=0, monthly=0)
NEWEST = datetime(2026, 11, 28, 3, tzinfo=UTC)
SERVER = "7713288308430243114"


def manifest_of(days_ago: int, kind: Kind = "logical", **known: object) -> Manifest:
    moment = (NEWEST - timedelta(days=days_ago)).isoformat()
    known.setdefault("objects", ())
    return Manifest(f"{moment}-{kind}", kind, moment, moment, recipients=(), server_version="18", **known)  # type: ignore[arg-type]


def ages(kept: set[str], manifests: list[Manifest]) -> list[int]:
    return [(NEWEST - manifest.at).days for manifest in manifests if manifest.id in kept]


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        (replace(NONE, last=2), [0, 1]),
        (replace(NONE, daily=3), [0, 1, 2]),
        (replace(NONE, weekly=3), [0, 6, 13]),  # that day is a Saturday, weeks end on Sunday
        (replace(NONE, monthly=2), [0, 28]),
        (Policy(last=1, daily=2, weekly=2, monthly=2), [0, 1, 6, 28]),
    ],
)
def test_the_newest_of_each_period_is_kept(policy: Policy, kept: list[int]) -> None:
    daily = [manifest_of(days_ago) for days_ago in range(60)]
    assert ages(wanted(daily, policy), daily) == kept


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(Folder(tmp_path / "place"), new_keys(tmp_path))


def taken(repository: Repository, days_ago: int, kind: Kind = "logical", **known: object) -> Manifest:
    manifest = manifest_of(days_ago, kind, **known)
    plain = Path(repository.storage.place).parent / "content"
    plain.write_bytes(manifest.id.encode())
    manifest = replace(manifest, objects=(repository.store(manifest.id, plain),))
    repository.finish(manifest)
    return manifest


def test_what_an_increment_builds_on_is_kept(repository: Repository) -> None:
    full = taken(repository, 3, "physical")
    first = taken(repository, 2, "physical", base=full.id)
    taken(repository, 1, "physical", base=full.id)
    last = taken(repository, 0, "physical", base=first.id)
    prune(repository, plan(repository, LAST))
    assert repository.ids() == sorted([full.id, first.id, last.id])


def test_the_last_good_one_is_kept_where_newer_ones_are_damaged(repository: Repository) -> None:
    taken(repository, 3)
    good, damaged = taken(repository, 2), [taken(repository, 1), taken(repository, 0)]
    for manifest in damaged:
        (Path(repository.storage.place) / manifest.id / manifest.objects[0].name).write_bytes(b"")
    prune(repository, plan(repository, LAST))
    assert repository.ids() == [good.id, damaged[-1].id]


def test_each_kind_is_counted_alone(repository: Repository) -> None:
    kept = [taken(repository, 9, "redis"), taken(repository, 0)]
    taken(repository, 1)
    prune(repository, plan(repository, LAST))
    assert repository.ids() == [manifest.id for manifest in kept]


def test_the_log_is_kept_from_the_oldest_backup_that_is_kept(repository: Repository, tmp_path: Path) -> None:
    for days_ago, lsn in ((1, "0/2000028"), (0, "0/5000028")):
        taken(repository, days_ago, "physical", wal=WalRange(SERVER, 1, lsn, lsn, is_archived=True))
    names = [f"00000001000000000000000{number}" for number in range(1, 8)]
    for name in [*names, "00000002.history"]:
        (tmp_path / name).write_bytes(name.encode())
        repository.store_wal(SERVER, tmp_path / name)
    prune(repository, plan(repository, LAST))
    assert list(repository.wal(SERVER)) == [*names[4:], "00000002.history"]


def test_what_was_begun_and_never_finished_goes_after_a_day(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "content").write_bytes(b"half")
    for begun in (datetime.now(UTC) - timedelta(days=2), datetime.now(UTC)):
        repository.store(f"{begun:%Y%m%dT%H%M%SZ}-logical", tmp_path / "content")
    prune(repository, plan(repository, LAST))
    assert [name.split("T")[0] for name in repository.storage.sizes()] == [f"{datetime.now(UTC):%Y%m%d}"]


def test_a_plan_deletes_nothing(repository: Repository) -> None:
    ids = [taken(repository, 1).id, taken(repository, 0).id]
    assert [manifest.id for manifest in plan(repository, LAST).dropped] == ids[:1]
    assert repository.ids() == ids
