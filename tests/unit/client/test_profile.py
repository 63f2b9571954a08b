"""Where the client finds the mesh."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from shodhana_client import Profile, connect
from shodhana_client.profile import ProfileMissing


def write(path: Path, gateway: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"gateway": gateway, "client_id": "a", "client_secret": "b"}))
    return path


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SHODHANA_CLIENT", "SHODHANA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_what_is_named_comes_first_then_the_environment_then_this_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / ".shodhana" / "client.json", "here:1")
    (tmp_path / "below" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "below" / "deep")
    assert Profile.find().gateway == "here:1"
    monkeypatch.setenv("SHODHANA_DIR", str(write(tmp_path / "stack" / "client.json", "dir:1").parent))
    assert Profile.find().gateway == "dir:1"
    monkeypatch.setenv("SHODHANA_CLIENT", str(write(tmp_path / "file.json", "client:1")))
    assert Profile.find().gateway == "client:1"
    assert Profile.find(write(tmp_path / "named.json", "named:1")).gateway == "named:1"


def test_what_is_named_but_not_there_is_not_replaced_by_another_mesh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / ".shodhana" / "client.json", "here:1")
    with pytest.raises(ProfileMissing, match=r"no mesh is known at .*absent\.json"):
        Profile.find(tmp_path / "absent.json")
    monkeypatch.setenv("SHODHANA_CLIENT", str(tmp_path / "gone.json"))
    with pytest.raises(ProfileMissing, match=r"gone\.json"):
        Profile.find()


def test_no_mesh_at_all_is_told_with_what_to_do() -> None:
    with pytest.raises(ProfileMissing, match=r"shodhana up.*--profile FILE"):
        Profile.find()


@pytest.mark.parametrize(
    ("content", "words"), [("{}", "it has no 'gateway'"), ("[]", "is no profile"), ("{", "is no profile")]
)
def test_a_file_that_is_no_profile_is_told(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "client.json"
    path.write_text(content)
    with pytest.raises(ProfileMissing, match=words):
        Profile.read(path)


def test_an_authority_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProfileMissing, match="ca_certificate cannot be read"):
        connect(Profile("localhost:1", "a", "b", tmp_path / "absent.pem"))
