"""Postgres runs under a user of its own where we are root, and as ourselves where we are not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from shodhana.stack.postgres import EmbeddedPostgres

NOBODY = 65534
# May pass through any folder, as the interpreter may stand in a closed one; is not root otherwise.
AS_A_USER = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
MAY_READ = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")

is_root = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody may enter: pytest's own are closed."""
    with tempfile.TemporaryDirectory(prefix="shodhana-tests-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@is_root
def test_where_we_are_root_postgres_is_not(postgres_server: EmbeddedPostgres) -> None:
    command = [word for word in postgres_server.command() if word.startswith("port=")]
    found = [
        process for process in psutil.process_iter(["cmdline", "uids"]) if command[0] in (process.info["cmdline"] or ())
    ]
    assert {process.info["uids"].real for process in found} == {NOBODY}


@is_root
def test_a_user_gets_a_cluster_of_his_own(folder: Path) -> None:
    shutil.chown(folder, NOBODY, NOBODY)
    done = subprocess.run(
        [*AS_A_USER, *MAY_READ, sys.executable, str(Path(__file__).with_name("own_cluster.py")), str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | {"HOME": str(folder)},
    )
    assert done.stdout == f"{NOBODY} answers\n", done.stderr
    assert (folder / "data" / "PG_VERSION").stat().st_uid == NOBODY


@is_root
def test_in_a_folder_closed_to_others_root_puts_the_data_where_postgres_reaches_it(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedPostgres(closed / "postgres", 1, "only-for-tests")
    server.prepare()
    data = closed / "postgres" / "data"
    try:
        assert data.is_symlink()
        assert (data / "PG_VERSION").stat().st_uid == NOBODY
        assert data.resolve().stat().st_mode & 0o077 == 0
    finally:
        shutil.rmtree(data.resolve())
