"""One contract for every place backups are kept in: a folder, and a bucket of a real server."""

from __future__ import annotations

import io
import os

import pytest
from shodhana.stack.backup.errors import NotFound, Refused, StorageFailed
from shodhana.stack.backup.storage import Storage, open_storage

from tests.integration.backup.conftest import BUCKET, use_s3

LARGE = 40 << 20
"""More than one part of an upload."""


def read(storage: Storage, name: str) -> bytes:
    target = io.BytesIO()
    storage.get(name, target)
    return target.getvalue()


def test_an_object_comes_back_as_it_was_put(storage: Storage) -> None:
    content = os.urandom(1000)
    storage.put("one/a.age", io.BytesIO(content))
    assert read(storage, "one/a.age") == content


def test_a_large_object_comes_back_as_it_was_put(storage: Storage) -> None:
    content = os.urandom(1 << 20) * (LARGE >> 20)
    storage.put("one/large.age", io.BytesIO(content))
    assert read(storage, "one/large.age") == content


def test_objects_are_listed_by_folder_with_their_sizes(storage: Storage) -> None:
    for name, size in (("one/a", 1), ("one/b/c", 2), ("oneself/d", 3)):
        storage.put(name, io.BytesIO(b"x" * size))
    assert storage.sizes("one") == {"one/a": 1, "one/b/c": 2}
    assert storage.sizes() == {"one/a": 1, "one/b/c": 2, "oneself/d": 3}


def test_an_object_is_replaced_and_deleted(storage: Storage) -> None:
    storage.put("one/a", io.BytesIO(b"old"))
    storage.put("one/a", io.BytesIO(b"new"))
    assert read(storage, "one/a") == b"new"
    storage.delete("one/a")
    storage.delete("one/a")
    assert storage.sizes() == {}


def test_an_absent_object_is_not_found(storage: Storage) -> None:
    with pytest.raises(NotFound, match="one/a is not in"):
        storage.get("one/a", io.BytesIO())


def test_a_wrong_secret_is_refused_with_what_to_look_at(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use_s3(monkeypatch, s3_endpoint, secret="wrong")
    with pytest.raises(StorageFailed, match="AWS_ACCESS_KEY_ID"):
        open_storage(f"s3://{BUCKET}").put("one/a", io.BytesIO(b"x"))


@pytest.mark.parametrize("target", ["ftp://host/place", "s3://"])
def test_another_kind_of_place_is_refused(target: str) -> None:
    with pytest.raises(Refused, match="s3://BUCKET/PREFIX"):
        open_storage(target)
