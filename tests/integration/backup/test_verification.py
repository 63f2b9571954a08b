"""What a check must find, found: each test breaks one thing in a copy of real backups."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from shodhana.stack.backup.errors import Damaged, WrongKey
from shodhana.stack.backup.keys import Keys
from shodhana.stack.backup.manifest import Manifest
from shodhana.stack.backup.repository import Repository
from shodhana.stack.backup.storage import Folder, Storage
from shodhana.stack.backup.verification import verify

from tests.integration.backup.conftest import Taken, new_keys


@pytest.fixture
def place(taken: Taken, tmp_path: Path) -> Path:
    """A copy to break."""
    return Path(shutil.copytree(taken.place, tmp_path / "place"))


def object_of(place: Path, manifest: Manifest) -> Path:
    return place / manifest.id / manifest.objects[0].name


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def segments(place: Path) -> list[Path]:
    return sorted(path for path in place.glob("wal/*/*") if re.match(r"^[0-9A-F]{24}-", path.name))


def test_good_backups_are_good_also_when_restored(taken: Taken) -> None:
    repository = Repository(Folder(taken.place), taken.keys)
    for manifest in (taken.dump, taken.increment):
        findings = verify(repository, manifest, is_deep=True)
        assert not findings.faults
        assert not findings.unchecked
        assert "restores" in findings.passed[-1]


def test_where_the_server_lost_track_of_its_changes_all_files_are_taken(taken: Taken) -> None:
    assert taken.increment.base == taken.full.id
    assert taken.after_gap.base is None


def test_backups_in_a_bucket_are_as_good(taken: Taken, storage: Storage) -> None:
    here = Folder(taken.place)
    for name in here.sizes():
        storage.put(name, io.BytesIO((taken.place / name).read_bytes()))
    repository = Repository(storage, taken.keys)
    assert verify(repository, repository.manifest("latest-physical"), is_deep=False).is_good
    assert repository.ids() == Repository(here, taken.keys).ids()


@pytest.mark.parametrize(
    ("damage", "said"), [(flip, "sha256 differs"), (cut, "bytes, .* were stored"), (Path.unlink, "is not in")]
)
def test_a_damaged_object_is_found(taken: Taken, place: Path, damage: Callable[[Path], None], said: str) -> None:
    damage(object_of(place, taken.dump))
    (fault,) = verify(Repository(Folder(place), taken.keys), taken.dump, is_deep=False).faults
    assert re.search(said, fault)


def test_damage_is_found_without_the_secret_key_too(taken: Taken, place: Path) -> None:
    public = Repository(Folder(place), Keys(taken.keys.recipients))
    assert verify(public, taken.dump, is_deep=False).unchecked
    flip(object_of(place, taken.dump))
    assert verify(public, taken.dump, is_deep=False).faults


def test_an_increment_is_as_good_as_what_it_builds_on(taken: Taken, place: Path) -> None:
    flip(object_of(place, taken.full))
    findings = verify(Repository(Folder(place), taken.keys), taken.increment, is_deep=True)
    assert [fault for fault in findings.faults if taken.full.id in fault]


def test_a_missing_segment_of_the_log_is_found_and_named(taken: Taken, place: Path) -> None:
    lost = segments(place)[-2]
    lost.unlink()
    (fault,) = verify(Repository(Folder(place), taken.keys), taken.full, is_deep=False).faults
    assert fault.startswith(f"segment {lost.name[:24]} of the log is missing")


def test_a_damaged_segment_of_the_log_is_found(taken: Taken, place: Path) -> None:
    flip(segments(place)[-1])
    (fault,) = verify(Repository(Folder(place), taken.keys), taken.full, is_deep=False).faults
    assert segments(place)[-1].name[:24] in fault


def test_a_segment_under_another_ones_name_is_found(taken: Taken, place: Path) -> None:
    first, second = segments(place)[-2:]
    swapped = second.with_name(second.name[:24] + first.name[24:])
    second.unlink()
    shutil.copyfile(first, swapped)
    (fault,) = verify(Repository(Folder(place), taken.keys), taken.full, is_deep=False).faults
    assert fault.endswith("its header is that of another segment")


def test_a_changed_manifest_is_found(taken: Taken, place: Path) -> None:
    path = place / taken.dump.id / "manifest.json"
    path.write_text(path.read_text().replace('"rows": 500', '"rows": 499'))
    with pytest.raises(Damaged, match="was changed after it was written"):
        Repository(Folder(place), taken.keys).manifest(taken.dump.id)


def test_a_wrong_key_says_nothing_about_the_backup(taken: Taken, tmp_path: Path) -> None:
    with pytest.raises(WrongKey, match="wrong key"):
        verify(Repository(Folder(taken.place), new_keys(tmp_path)), taken.dump, is_deep=False)
