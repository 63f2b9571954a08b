"""`python -m tests.e2e.backup.drill`: everything is backed up, destroyed and restored, and what came back compared.

    --rows N     of each kind (20,000)

Exit code 0: everything came back the same; 1: a difference.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import numpy as np
from redis import Redis
from shodhana.stack.backup.keys import make_key
from shodhana.stack.backup.scratch import running_postgres
from shodhana.stack.backup.source import Source
from shodhana.stack.credentials import ensure_credentials
from shodhana.stack.places import StackDirectory
from shodhana.stack.ports import free_port
from shodhana.stack.postgres import EmbeddedPostgres
from shodhana.stack.topology import SCHEMAS

from tests.e2e.backup.fingerprint import DatabaseState, read_database, read_redis
from tests.e2e.backup.load import load_database, load_decisions, load_redis
from tests.e2e.backup.servers import kill, servers

QUERIES = 50
LOGGED_AHEAD = 33
LOST = "review.expert_decisions"


@dataclass(slots=True)
class Table:
    """What was done and compared, a line each."""

    lines: list[tuple[str, str, str, str]] = field(default_factory=list)
    differs: bool = False

    @contextmanager
    def timed(self, what: str, figure: Callable[[], str] = str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self._add(what, figure(), "", f"{time.monotonic() - began:.1f} s")

    def compare(self, what: str, figure: str, expected: object, found: object) -> None:
        is_same = expected == found
        self.differs |= not is_same
        self._add(what, figure, "same" if is_same else "DIFFERENT", "")

    def database(self, what: str, expected: DatabaseState, found: DatabaseState) -> None:
        self.compare(
            f"{what}: tables by hash", f"{found.rows:,} rows of {len(found.tables)}", expected.tables, found.tables
        )
        behind = _behind(expected.sequences, found.sequences)
        self.compare(f"{what}: sequences, none behind", f"{len(found.sequences)}", [], behind)
        self.compare(f"{what}: indexes", f"{len(found.indexes)}", expected.indexes, found.indexes)
        self.compare(f"{what}: grants", f"{len(found.grants)}", expected.grants, found.grants)
        nearest = f"{len(found.neighbours)} queries"
        self.compare(f"{what}: exact 10 nearest", nearest, expected.neighbours, found.neighbours)
        recall = f"{expected.recall:.3f} before, {found.recall:.3f} after"
        self.compare(f"{what}: recall of HNSW", recall, True, found.recall >= expected.recall - 0.02)

    def note(self, what: str) -> None:
        self._add(what, "", "", "")

    def _add(self, *cells: str) -> None:
        self.lines.append((cells[0], cells[1], cells[2], cells[3]))
        print(f"{cells[0]:<44}{cells[1]:>30}  {cells[2]:<10}{cells[3]:>8}".rstrip(), flush=True)


class Drill:
    """One run, in a folder of its own."""

    def __init__(self, folder: Path, rows: int) -> None:
        self._folder = folder
        self._rows = rows
        self._first = StackDirectory(folder / "first")
        self._second = StackDirectory(folder / "second")
        self._target = folder / "target"
        key = folder / "key"
        make_key(key)
        self._environment = {"SHODHANA_BACKUP_KEY_FILE": str(key), "SHODHANA_BACKUP_TARGET": str(self._target)}
        self._vectors = np.empty((0, 0))
        self.table = Table()

    def run(self) -> bool:
        """Whether everything came back the same."""
        with servers(self._first, self._environment) as process:
            at_backup, redis_at_backup = self._fill_and_back_up()
            at_end = self._lose_a_table()
            kill(process)
        self._lose_the_machine()
        with servers(self._second, self._environment):
            self.table.database("machine", at_end, self._state(self._second))
            self.table.compare(
                "machine: Redis", f"{len(redis_at_backup):,} keys", redis_at_backup, self._redis(self._second)
            )
            self._lose_the_embeddings()
            self._go_back_in_place(at_backup)
        self._restore_the_dump(at_backup)
        return not self.table.differs

    def _fill_and_back_up(self) -> tuple[DatabaseState, dict[str, str]]:
        with self.table.timed("loaded", lambda: f"{self._rows:,} of each kind"):
            self._vectors = asyncio.run(self._load())
            with Redis.from_url(self._source(self._first).broker_url) as client:
                load_redis(client, self._rows)
        before = self._state(self._first), self._redis(self._first)
        for kind in ("logical", "physical", "embeddings", "redis"):
            with self.table.timed(f"backup: {kind}", lambda: f"{self._megabytes():.1f} MB in all"):
                self._shodhana("backup", "--kind", kind, directory=self._first)
        return before

    def _lose_a_table(self) -> DatabaseState:
        """Decisions made after the backup come back too: the log has them."""
        asyncio.run(self._decide())
        with self.table.timed("backup: physical, increment", lambda: f"{self._megabytes():.1f} MB in all"):
            self._shodhana("backup", "--kind", "physical", directory=self._first)
        asyncio.run(self._decide())
        before = self._state(self._first)
        moment = asyncio.run(self._drop_table())
        with self.table.timed("restore: a table, to just before its DROP"):
            self._shodhana("restore", "latest-physical", "--table", LOST, "--at", moment, directory=self._first)
        after = self._state(self._first)
        self.table.database("point in time", before, after)
        with self.table.timed("backup: physical, increment", lambda: f"{self._megabytes():.1f} MB in all"):
            self._shodhana("backup", "--kind", "physical", directory=self._first)
        return after

    def _lose_the_machine(self) -> None:
        _remove(self._first)
        self.table.note("destroyed: processes killed, files deleted")
        for kind in ("physical", "redis"):
            with self.table.timed(f"restore: {kind}"):
                self._shodhana("restore", f"latest-{kind}", "--to", str(self._second.root))

    def _lose_the_embeddings(self) -> None:
        before = self._state(self._second)
        asyncio.run(self._execute("TRUNCATE similarity.semantic_embeddings"))
        with self.table.timed("restore: embeddings, into the living database"):
            self._shodhana("restore", "latest-embeddings", "--live", directory=self._second)
        self.table.database("embeddings", before, self._state(self._second))

    def _go_back_in_place(self, at_backup: DatabaseState) -> None:
        with self.table.timed("restore: logical, into the living database"):
            words = ("--live", "--force", "--confirm", "shodhana")
            self._shodhana("restore", "latest-logical", *words, directory=self._second)
        self.table.database("in place", at_backup, self._state(self._second))

    def _restore_the_dump(self, at_backup: DatabaseState) -> None:
        third = StackDirectory(self._folder / "third")
        with self.table.timed("restore: logical, into a directory"):
            self._shodhana("restore", "latest-logical", "--to", str(third.root))
        password = ensure_credentials(third, SCHEMAS).of("postgres")
        server = EmbeddedPostgres(third.part("postgres"), free_port(), password)
        with running_postgres(server):
            self.table.database("dump", at_backup, asyncio.run(read_database(server.url, self._vectors, self._queries)))
        for kind in ("logical", "physical", "embeddings", "redis"):
            with self.table.timed(f"verify --deep: {kind}"):
                self._shodhana("verify", f"latest-{kind}", "--deep")
        for directory in (self._second, third):
            _remove(directory)

    def _state(self, directory: StackDirectory) -> DatabaseState:
        return asyncio.run(read_database(self._source(directory).postgres_url, self._vectors, self._queries))

    def _redis(self, directory: StackDirectory) -> dict[str, str]:
        with Redis.from_url(self._source(directory).broker_url) as client:
            return read_redis(client)

    def _source(self, directory: StackDirectory) -> Source:
        return Source(directory, self._environment)

    @property
    def _queries(self) -> int:
        return min(QUERIES, self._rows)

    async def _load(self) -> np.ndarray:
        connection = await asyncpg.connect(self._source(self._first).postgres_url)
        try:
            return await load_database(connection, self._rows, seed=1)
        finally:
            await connection.close()

    async def _decide(self) -> None:
        connection = await asyncpg.connect(self._source(self._first).postgres_url)
        try:
            await load_decisions(connection, max(1, self._rows // 20))
        finally:
            await connection.close()

    async def _drop_table(self) -> str:
        """The moment before, by the server's clock."""
        connection = await asyncpg.connect(self._source(self._first).postgres_url)
        try:
            moment = await connection.fetchval("SELECT clock_timestamp()")
            await connection.execute(f"DROP TABLE {LOST} CASCADE")
            return str(moment.isoformat())
        finally:
            await connection.close()

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self._source(self._second).postgres_url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def _megabytes(self) -> float:
        return sum(path.stat().st_size for path in self._target.rglob("*") if path.is_file()) / 1e6

    def _shodhana(self, *words: str, directory: StackDirectory | None = None) -> None:
        """Runs the tool as whoever is on call does."""
        command = [
            sys.executable,
            "-m",
            "shodhana.stack",
            *words,
            *(("--dir", str(directory.root)) if directory else ()),
        ]
        done = subprocess.run(command, env=os.environ | self._environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")


def _behind(expected: dict[str, int | None], found: dict[str, int | None]) -> list[str]:
    """Sequences that would give a number again, or that went on too far: the log has them up to 32 ahead."""
    return [name for name, value in expected.items() if not 0 <= (found.get(name) or 0) - (value or 0) <= LOGGED_AHEAD]


def _remove(directory: StackDirectory) -> None:
    """With the folders elsewhere that Postgres was given where its user could not reach this one."""
    for link in (directory.part("postgres") / "data", directory.part("postgres") / "wal_spool"):
        if link.is_symlink():
            shutil.rmtree(link.resolve())
    shutil.rmtree(directory.root)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    rows = parser.parse_args().rows
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="shodhana-drill-") as name:
        Path(name).chmod(0o711)
        is_same = Drill(Path(name), rows).run()
    verdict = "everything came back the same" if is_same else "THERE ARE DIFFERENCES"
    print(f"\n{verdict}, in {time.monotonic() - began:.0f} s")
    sys.exit(0 if is_same else 1)


if __name__ == "__main__":
    main()
