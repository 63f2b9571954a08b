"""`shodhana audit`: what it says of a log that is whole, changed, or cut; and of one that services wrote."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from shodhana.stack.commands import stack

from tests.conftest import Database, execute

USERS = "INSERT INTO identity.users (email, roles) SELECT 'reader' || n || '@example.org', '{viewer}' FROM "
NOTE = (
    f"{USERS} generate_series((SELECT count(*) + 1 FROM identity.users), (SELECT count(*) + 3 FROM identity.users)) n"
)
SEAL = "SELECT * FROM audit.seal(100)"
CUT = "SET session_replication_role = replica; DELETE FROM audit.entries WHERE sequence > {}"


@pytest.fixture
def here(postgres_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A database whose log has three entries, and an empty place for backups."""
    for name, value in {"DATABASE_URL": postgres_database.url, "SHODHANA_DIR": str(tmp_path / "stack")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SHODHANA_BACKUP_TARGET", str(tmp_path / "place"))
    CliRunner().invoke(stack, ("backup", "key", str(tmp_path / "key")))
    monkeypatch.setenv("SHODHANA_BACKUP_KEY_FILE", str(tmp_path / "key"))
    run(postgres_database, NOTE, SEAL)
    return postgres_database


def run(database: Database, *statements: str) -> None:
    for statement in statements:
        asyncio.run(execute(database.url, statement))


def audit(*words: str) -> Result:
    return CliRunner().invoke(stack, ("audit", *words), catch_exceptions=False)


def test_a_log_that_nobody_changed_is_told_with_its_head(here: Database) -> None:
    result = audit("verify")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("3 entries, none changed")
    head = json.loads(audit("verify", "--json").stdout)["head"]
    assert f"head: 3:{head['hash']}" in result.stdout


def test_a_changed_entry_ends_with_a_sentence_and_exit_code_1(here: Database) -> None:
    run(here, "SET session_replication_role = replica; UPDATE audit.entries SET actor = 'users/9' WHERE sequence = 2")
    result = audit("verify")
    assert result.exit_code == 1
    assert "entry 2 was changed" in result.stderr


def test_a_cut_end_is_found_by_a_head_that_was_noted_down(here: Database) -> None:
    head = json.loads(audit("verify", "--json").stdout)["head"]
    noted = f"{head['sequence']}:{head['hash']}"
    run(here, CUT.format(1))
    assert audit("verify").exit_code == 0
    result = audit("verify", "--head", noted)
    assert result.exit_code == 1
    assert "entry 3 is missing" in result.stderr


def test_a_cut_end_is_found_by_the_backup_that_has_it(here: Database) -> None:
    assert CliRunner().invoke(stack, ("backup", "--kind", "logical")).exit_code == 0
    run(here, NOTE, SEAL)
    whole = audit("verify")
    assert "6 entries, none changed; 1 hashes" in whole.stdout
    run(here, CUT.format(2))
    result = audit("verify")
    assert result.exit_code == 1
    assert "the log ends with entry 2: entry 3 is missing" in result.stderr
    assert audit("verify", "--no-backups").exit_code == 0


def test_a_restored_database_has_its_log_and_goes_on_with_it(here: Database) -> None:
    before = json.loads(audit("verify", "--json").stdout)["head"]
    assert CliRunner().invoke(stack, ("backup", "--kind", "logical")).exit_code == 0
    run(here, NOTE, SEAL)
    words = ("restore", "latest-logical", "--live", "--force", "--confirm", here.name)
    restored = CliRunner().invoke(stack, words)
    assert restored.exit_code == 0, restored.output
    assert json.loads(audit("verify", "--json").stdout)["head"] == before
    run(here, NOTE, SEAL)
    assert json.loads(audit("verify", "--json").stdout)["head"]["sequence"] == 6
    aside = restored.output.split("as it was is ")[1].split()[0]
    maintenance = here.postgres.url_of("shodhana", here.postgres.password, "postgres")
    asyncio.run(execute(maintenance, f"DROP DATABASE {aside}"))


@pytest.mark.parametrize("head", ["3", "x:00", "3:zz"])
def test_what_is_no_head_is_refused(here: Database, head: str) -> None:
    result = audit("verify", "--head", head)
    assert result.exit_code == 2
    assert "must be the number of an entry" in result.stderr


def test_entries_are_listed_by_actor_action_and_time(here: Database) -> None:
    lines = audit("list", "--json").stdout.splitlines()
    assert [json.loads(line)["subject"] for line in lines] == ["users/1", "users/2", "users/3"]
    assert len(audit("list", "--limit", "2").stdout.splitlines()) == 2
    assert len(audit("list", "--action", "users", "--since", "2026-01-01").stdout.splitlines()) == 3
    assert audit("list", "--since", "2999-01-01").stdout == ""
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    for zone in (UTC, timezone(timedelta(hours=5, minutes=30))):
        since = an_hour_ago.astimezone(zone).isoformat(timespec="seconds").replace("+00:00", "Z")
        assert len(audit("list", "--since", since).stdout.splitlines()) == 3
    assert audit("list", "--since", "2999-01-01T00:00:00Z").stdout == ""
    assert audit("list", "--actor", "users/9").stdout == ""
    assert audit("list", "--action", "decisions").stdout == ""
