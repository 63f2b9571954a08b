"""The commands, as the person on call gives them: what they refuse, what they say, their exit codes."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import time
from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner, Result
from shodhana.stack.backup import wal
from shodhana.stack.backup.repository import Repository
from shodhana.stack.backup.segments import segment_named
from shodhana.stack.backup.storage import Folder
from shodhana.stack.commands import stack

from tests.conftest import Database, execute
from tests.integration.backup.conftest import Taken, new_keys

KEY_FILE = "SHODHANA_BACKUP_KEY_FILE"


@pytest.fixture
def here(taken: Taken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the key in its environment, where nothing else stands."""
    monkeypatch.setenv("SHODHANA_BACKUP_TARGET", str(taken.place))
    monkeypatch.setenv("SHODHANA_BACKUP_KEY", taken.keys.secrets[0])
    monkeypatch.setenv("SHODHANA_DIR", str(tmp_path / "stack"))
    return tmp_path


def shodhana(*words: str) -> Result:
    return CliRunner().invoke(stack, words, catch_exceptions=False)


def test_a_backup_without_a_key_is_refused_before_anything_is_done(
    postgres_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_database.url)
    result = shodhana("backup", "--kind", "logical", "--target", str(tmp_path / "place"))
    assert result.exit_code == 1
    assert "Nothing is stored unencrypted. `shodhana backup key FILE` makes one" in result.stderr
    assert not (tmp_path / "place").exists()


def test_without_a_stack_it_says_how_to_name_one(here: Path) -> None:
    result = shodhana("backup", "--kind", "logical", "--target", str(here / "place"))
    assert result.exit_code == 1
    assert "no stack runs in" in result.stderr
    assert not list(here.glob("place/*"))


def test_backups_are_listed_with_what_they_build_on(here: Path, taken: Taken) -> None:
    text = shodhana("backup", "list").stdout
    assert f"{taken.increment.id}" in text
    assert "log of server" in text
    listed = json.loads(shodhana("backup", "list", "--json").stdout)
    assert [(entry["id"], entry["base"]) for entry in listed] == [
        (taken.dump.id, None),
        (taken.full.id, None),
        (taken.increment.id, taken.full.id),
    ]


def test_an_unknown_backup_is_refused_with_those_there_are(here: Path, taken: Taken) -> None:
    result = shodhana("verify", "20200101T000000Z-logical")
    assert result.exit_code == 1
    assert taken.dump.id in result.stderr


def test_verify_tells_good_damaged_and_unchecked_by_its_exit_code(
    here: Path, taken: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shodhana("verify", "latest-logical").exit_code == 0
    place = Path(shutil.copytree(taken.place, here / "place"))
    (place / taken.dump.id / taken.dump.objects[0].name).unlink()
    damaged = shodhana("verify", "latest-logical", "--target", str(place), "--json")
    assert (damaged.exit_code, json.loads(damaged.stdout)["is_good"]) == (1, False)
    monkeypatch.delenv("SHODHANA_BACKUP_KEY")
    assert shodhana("verify", "latest-logical").exit_code == 3


def test_a_wrong_key_is_refused_and_leaves_nothing_behind(
    here: Path, taken: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHODHANA_BACKUP_KEY", new_keys(here).secrets[0])
    result = shodhana("restore", "latest-logical", "--to", str(here / "new"))
    assert result.exit_code == 1
    assert f"wrong key: it was encrypted for {taken.keys.recipients[0]}" in result.stderr
    assert not (here / "new" / "postgres").exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "say where to"),
        (("--to", "new", "--live"), 2, "say where to"),
        (("--live", "--at", "2026-11-28T18:00:00Z"), 2, "--at restores a whole cluster"),
        (("--to", "new", "--at", "yesterday"), 1, "expected a time such as"),
        (("--to", "new", "--at", "2999-01-01T00:00:00Z"), 1, "in the future"),
        (("--to", "new", "--at", "2020-01-01T00:00:00Z"), 1, "no physical backup .* was taken before"),
        (("--to", "new", "--force"), 1, "confirm by --confirm new"),
        (("--to", "new", "--force", "--confirm", "old"), 1, "'old' is not 'new': nothing was touched"),
    ],
)
def test_what_a_restore_cannot_mean_is_refused(here: Path, words: tuple[str, ...], code: int, said: str) -> None:
    result = shodhana("restore", "latest-physical", *words)
    assert result.exit_code == code
    assert re.search(said, result.stderr)


def test_a_restore_into_a_place_that_is_taken_needs_force_and_its_name(here: Path, taken: Taken) -> None:
    (here / "new" / "postgres").mkdir(parents=True)
    (here / "new" / "postgres" / "precious").touch()
    result = shodhana("restore", "latest-logical", "--to", str(here / "new"))
    assert result.exit_code == 1
    assert "is not empty. To restore all the same, add --force and confirm with its name, new" in result.stderr
    assert (here / "new" / "postgres" / "precious").exists()


def test_a_restore_that_fails_puts_back_what_was_there(
    here: Path, taken: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "new" / "postgres").mkdir(parents=True)
    (here / "new" / "postgres" / "precious").touch()
    monkeypatch.setenv("SHODHANA_BACKUP_KEY", new_keys(here).secrets[0])
    result = shodhana("restore", "latest-logical", "--to", str(here / "new"), "--force", "--confirm", "new")
    assert result.exit_code == 1
    assert (here / "new" / "postgres" / "precious").exists()


def test_a_living_database_is_replaced_only_with_its_name_and_then_kept_aside(
    here: Path, postgres_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_database.url)
    refused = shodhana("restore", "latest-logical", "--live")
    assert refused.exit_code == 1
    assert f"add --force and confirm with its name, {postgres_database.name}" in refused.stderr
    done = shodhana("restore", "latest-logical", "--live", "--force", "--confirm", postgres_database.name)
    assert done.exit_code == 0, done.stderr
    assert asyncio.run(_value(postgres_database.url, "SELECT count(*) FROM talk")) == 500
    (aside,) = (word for word in done.stdout.split() if word.startswith(f"{postgres_database.name}_before_"))
    maintenance = postgres_database.url.replace(postgres_database.name, "postgres")
    assert asyncio.run(_value(maintenance, f"SELECT true FROM pg_database WHERE datname = '{aside}'"))
    asyncio.run(execute(maintenance, f"DROP DATABASE {aside}"))


def test_a_table_that_is_there_is_not_overwritten(
    here: Path, postgres_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_database.url)
    result = shodhana("restore", "latest-logical", "--table", "review.outbox")
    assert result.exit_code == 1
    assert "review.outbox is still there: rename it first" in result.stderr


def test_a_server_of_ones_own_archives_its_log_by_a_command(here: Path, taken: Taken) -> None:
    ours, theirs = Repository(Folder(taken.place), taken.keys), Repository(Folder(here / "theirs"), taken.keys)
    assert taken.full.wal is not None
    identifier = taken.full.wal.system_identifier
    name = next(name for name in ours.wal(identifier) if segment_named(name))
    segment = wal.fetch(ours, identifier, name, ours.wal(identifier)[name], here)
    words = ("archive-wal", str(segment), "--data", str(taken.data), "--target", str(here / "theirs"))
    for _ in range(2):  # Postgres repeats it after a crash
        assert shodhana("backup", *words).exit_code == 0
    assert list(theirs.wal(identifier)) == [name]
    with segment.open("r+b") as file:
        file.seek(5000)
        file.write(b"another")
    refused = shodhana("backup", *words)
    assert refused.exit_code == 1
    assert "archived already with other content" in refused.stderr


async def _value(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def test_the_age_of_each_kind_is_written_for_the_monitoring(
    here: Path, postgres_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_database.url)
    path = here / "collector" / "backup.prom"
    result = shodhana("backup", "--kind", "logical", "--metrics", str(path), "--target", str(here / "place"))
    assert result.exit_code == 0, result.stderr
    found = dict(line.rsplit(" ", 1) for line in path.read_text().splitlines() if not line.startswith("#"))
    age_s = time.time() - float(found['shodhana_backup_last_success_timestamp_seconds{kind="logical"}'])
    assert 0 <= age_s < 600
    assert float(found['shodhana_backup_last_size_bytes{kind="logical"}']) > 1000
