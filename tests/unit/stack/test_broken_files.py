"""What stands in a stack's directory is damaged, or missing."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner
from shodhana.stack.commands import stack
from shodhana.stack.credentials import SecretsUnusable, ensure_credentials
from shodhana.stack.options import StackOptions
from shodhana.stack.parts import Condition, PartState
from shodhana.stack.places import StackDirectory
from shodhana.stack.plan import plan_stack
from shodhana.stack.state import Phase, StackState, StateUnreadable, locked, read_state, write_state

RECIPIENT = "age1dgy63wrkl2xqt8c6l4phamgfydcjwldyv4ywme43jjmxdnvpw3pqyw3g4p"
BROKEN = ["{", "", "[]", "{}", '{"parts": [{"name": "x", "condition": "sleepy"}], "phase": "ready"}', '{"parts": 7}']


@pytest.fixture
def directory() -> Iterator[StackDirectory]:
    """Open to all: what is root's alone has its Postgres data elsewhere."""
    with tempfile.TemporaryDirectory(prefix="shodhana-tests-") as name:
        Path(name).chmod(0o755)
        yield StackDirectory(Path(name))


def command(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(stack, words)
    return result.exit_code, result.output


@pytest.mark.parametrize("content", BROKEN)
def test_a_state_that_is_none_is_named_with_what_to_do_by_every_command(
    directory: StackDirectory, content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("SHODHANA_BACKUP_RECIPIENTS", RECIPIENT)
    directory.state.write_text(content)
    with pytest.raises(StateUnreadable, match=r"state\.json: not the state of a stack .*shodhana down"):
        read_state(directory)
    monkeypatch.setenv("SHODHANA_DIR", str(directory.root))
    for words in (("status",), ("backup",), ("audit", "list"), ("psql",), ("redis", "broker", "PING")):
        code, output = command(*words)
        assert (words, code) == (words, 1)
        assert output.startswith(f"shodhana: {directory.state}: not the state of a stack")
    assert command("down", "--dir", str(directory.root)) == (0, f"nothing runs in {directory.root}\n")


def test_a_running_mesh_whose_state_is_none_is_not_started_again(directory: StackDirectory) -> None:
    directory.state.write_text("{")
    with locked(directory):
        code, output = command("up", "--detach", "--dir", str(directory.root))
    assert code == 1
    assert f"{directory.state}: not the state of a stack" in output


@pytest.mark.parametrize("content", ["{", "[]", '{"postgres": 7}'])
def test_secrets_that_are_none_are_named_and_left_as_they_are(directory: StackDirectory, content: str) -> None:
    directory.secrets.write_text(content)
    code, output = command("up", "--dir", str(directory.root))
    assert code == 1
    assert output.startswith(f"shodhana: {directory.secrets}: ")
    assert "A backup holds it" in output
    assert directory.secrets.read_text() == content


@pytest.mark.parametrize("left", [None, '{"cache": "there"}'])
def test_no_new_password_is_made_over_data_that_open_with_the_old_one(
    directory: StackDirectory, left: str | None
) -> None:
    ensure_credentials(directory, ())
    data = directory.part("postgres") / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("18")
    directory.secrets.unlink()
    if left:
        directory.secrets.write_text(left)
    before = {path.name for path in directory.root.iterdir()}
    with pytest.raises(SecretsUnusable, match=r"secrets\.json .*postgres.data open only .*Nothing was changed"):
        plan_stack(directory, StackOptions())
    assert {path.name for path in directory.root.iterdir()} == before
    plan_stack(directory, StackOptions(database_url="postgresql://owner:pw@db.example/lectures"))


@pytest.mark.parametrize("content", [None, "{", "{}"])
def test_a_backup_without_the_secrets_says_what_is_missing(
    directory: StackDirectory, content: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("SHODHANA_BACKUP_RECIPIENTS", RECIPIENT)
    if content:
        directory.secrets.write_text(content)
    postgres = PartState("postgres", Condition.HEALTHY, os.getpid(), port=1, started_at=psutil.Process().create_time())
    with locked(directory):
        write_state(directory, StackState(directory.root, Phase.READY, os.getpid(), parts=[postgres]))
        code, output = command("backup", "--kind", "logical", "--dir", str(directory.root))
    assert code == 1
    assert f"shodhana: {directory.secrets}: " in output
    assert "A backup holds it" in output


def test_what_is_not_watched_is_not_called_healthy(directory: StackDirectory) -> None:
    me = PartState("me", Condition.HEALTHY, os.getpid(), started_at=psutil.Process().create_time())
    gone = PartState("gone", Condition.HEALTHY, 2**22 - 1, started_at=1.0)
    waits = PartState("waits")
    done = PartState("migrations", Condition.DONE)
    write_state(directory, StackState(directory.root, Phase.READY, 7, parts=[me, gone, waits, done]))
    found = {part.name: (part.condition, part.pid) for part in read_state(directory).parts}
    assert found == {
        "me": (Condition.UNWATCHED, os.getpid()),
        "gone": (Condition.STOPPED, None),
        "waits": (Condition.STOPPED, None),
        "migrations": (Condition.DONE, None),
    }
    code, output = command("status", "--json", "--dir", str(directory.root))
    assert code == 3
    assert "healthy" not in {part["condition"] for part in json.loads(output)["parts"]}


def test_a_directory_that_is_not_there_holds_no_mesh(directory: StackDirectory) -> None:
    typo = directory.root / "typo"
    assert command("down", "--dir", str(typo)) == (1, f"shodhana: no mesh in {typo}: there is no such directory\n")
    assert command("down", "--dir", str(directory.root)) == (0, f"nothing runs in {directory.root}\n")
