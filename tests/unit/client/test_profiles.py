"""`shodhana profile`, and whom a refusal is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from shodhana_client.profile import Profile

if TYPE_CHECKING:
    from conftest import Gateway

Tool = Callable[..., Any]


@pytest.fixture
def elsewhere(shodhana: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tool:
    """The tool in a folder where no mesh is found."""
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    monkeypatch.delenv("SHODHANA_CLIENT")
    return shodhana


def test_a_mesh_is_named_chosen_and_listed(elsewhere: Tool, profile: Profile) -> None:
    kept = elsewhere("profile", "set", "work", "--gateway", profile.gateway, "--ca", profile.ca_certificate)
    assert kept.exit_code == 0, kept.stderr
    assert elsewhere("profile", "set", "other", "--gateway", "shodhana.example").exit_code == 0
    assert elsewhere("profile", "use", "work").stdout == "work is called from now on\n"
    listed = json.loads(elsewhere("profile", "list", "--json", "name,gateway,is_called").stdout)
    assert listed == [
        {"name": "other", "gateway": "shodhana.example:443", "is_called": False},
        {"name": "work", "gateway": profile.gateway, "is_called": True},
    ]
    assert "*\twork\t" in elsewhere("profile", "list").stdout
    assert Profile.find() == Profile(profile.gateway, ca_certificate=profile.ca_certificate)


def test_a_nearer_mesh_is_said_and_a_name_calls_the_other(
    shodhana: Tool, profile: Profile, gateway: Gateway, profile_file: Path
) -> None:
    shodhana("profile", "set", "work", "--gateway", profile.gateway, "--ca", profile.ca_certificate)
    assert f"{profile_file} is nearer" in shodhana("profile", "use", "work").stderr
    refused = shodhana("verses", "list", "--profile", "work")
    assert (refused.exit_code, gateway.calls) == (4, [])
    assert "nobody is logged in" in refused.stderr


@pytest.mark.parametrize(
    "words",
    [("profile", "use", "nix"), ("profile", "set", "../x", "--gateway", "a:1"), ("verses", "list", "--profile", "nix")],
)
def test_a_name_that_is_none_is_told(elsewhere: Tool, words: tuple[str, ...]) -> None:
    refused = elsewhere(*words)
    assert refused.exit_code in (1, 2)
    assert "no profile 'nix'" in refused.stderr or "is no name" in refused.stderr


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [(grpc.StatusCode.PERMISSION_DENIED, 4), (grpc.StatusCode.UNAUTHENTICATED, 4), (grpc.StatusCode.NOT_FOUND, 1)],
)
def test_who_may_not_is_told_by_the_exit_code(
    shodhana: Tool, gateway: Gateway, tmp_path: Path, code: grpc.StatusCode, exit_code: int
) -> None:
    talk = tmp_path / "talk.srt"
    talk.write_text("x")
    for words in (("verses", "show", "BG 1.1"), ("process", talk)):
        gateway.fail(code, times=2)
        assert shodhana(*words).exit_code == exit_code
        gateway.failures.clear()
