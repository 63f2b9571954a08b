"""A folder and a bucket to keep backups in, and a small Postgres that archives its log."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
import pytest
from shodhana.stack.backup import logical, physical
from shodhana.stack.backup.keys import Keys, keys_from, make_key
from shodhana.stack.backup.manifest import Manifest
from shodhana.stack.backup.repository import Repository
from shodhana.stack.backup.scratch import open_folder, running_postgres
from shodhana.stack.backup.storage import Folder, Storage, open_storage
from shodhana.stack.backup.taking import begin
from shodhana.stack.ports import free_port
from shodhana.stack.postgres import EmbeddedPostgres

from tests.conftest import Running, execute, wait_until

ACCESS, SECRET, BUCKET = "only-for-tests", "only-for-tests-too", "backups"
TABLE = """
    CREATE TABLE talk (number int PRIMARY KEY, title text);
    CREATE MATERIALIZED VIEW count_of_talks AS SELECT count(*) FROM talk;
    INSERT INTO talk SELECT n, 'कथा ' || n FROM generate_series(1, 500) n"""


def new_keys(folder: Path, name: str = "key") -> Keys:
    make_key(folder / name)
    return keys_from({"SHODHANA_BACKUP_KEY_FILE": str(folder / name)})


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server that speaks S3, with one user."""
    folder = tmp_path_factory.mktemp("s3")
    identity = {"name": "tests", "credentials": [{"accessKey": ACCESS, "secretKey": SECRET}], "actions": ["Admin"]}
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    ports = {name: free_port() for name in ("master", "volume", "filer", "s3")}
    words = [
        f"-{name}.port{kind}={free_port() if kind else port}" for name, port in ports.items() for kind in ("", ".grpc")
    ]
    words += [f"-dir={folder}", "-ip=127.0.0.1", "-s3", f"-s3.config={folder / 's3.json'}", "-s3.iam=false"]
    words += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-volume.max=20", "-master.volumeSizeLimitMB=64"]
    words += [f"-s3.localSocket={folder / 's3.sock'}", f"-filer.localSocket={folder / 'filer.sock'}"]
    words += ["-volume.preStopSeconds=0"]
    endpoint = f"http://127.0.0.1:{ports['s3']}"
    with Running([str(Path(sys.executable).parent / "weed"), "server", *words], cwd=folder) as process:
        wait_until(lambda: _answers(endpoint), 60)
        yield endpoint
        process.kill()  # asked nicely, it takes ten seconds


@pytest.fixture(params=["folder", "bucket"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    """Each kind of place, empty."""
    if request.param == "folder":
        return open_storage(str(tmp_path / "place"))
    use_s3(monkeypatch, request.getfixturevalue("s3_endpoint"))
    return open_storage(f"s3://{BUCKET}/{tmp_path.name}")


def use_s3(monkeypatch: pytest.MonkeyPatch, endpoint: str, secret: str = SECRET) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)


@dataclass(frozen=True, slots=True)
class Taken:
    """A logical backup, a full one of the files, an increment with the log after it; to be copied, not changed."""

    data: Path
    """Of the server, which has stopped."""
    place: Path
    keys: Keys
    dump: Manifest
    full: Manifest
    increment: Manifest
    after_gap: Manifest
    """Taken when the server had not noted all that it had changed."""


@pytest.fixture(scope="session")
def taken() -> Iterator[Taken]:
    with open_folder() as folder:
        server = EmbeddedPostgres(folder / "postgres", free_port(), "only-for-tests", volatile=True, is_archived=True)
        server.prepare()
        keys, place = new_keys(folder), folder / "place"
        repository = Repository(Folder(place), keys)
        with running_postgres(server), _database(server):
            asyncio.run(execute(server.url, TABLE))
            dump, full = _take(repository, server, folder, "logical"), _take(repository, server, folder, "physical")
            asyncio.run(execute(server.url, "UPDATE talk SET title = 'later' WHERE number < 50"))
            increment = _take(repository, server, folder, "physical")
            asyncio.run(execute(server.url, "DELETE FROM talk WHERE number < 50"))
            physical.archive_now(repository, server.url, server.spool)
            beside = Repository(Folder(folder / "beside"), keys)
            _take(beside, server, folder, "physical")
            _forget_changes(server)
            after_gap = _take(beside, server, folder, "physical")
        yield Taken(server.data, place, keys, dump, full, increment, after_gap)


def _forget_changes(server: EmbeddedPostgres) -> None:
    """What the server noted of a change since the last backup is gone, as when it ran without noting."""
    for statement in ("UPDATE talk SET title = 'again'", "CHECKPOINT"):
        asyncio.run(execute(server.url, statement))
    is_noted = """
        SELECT coalesce(max(end_lsn) >= (SELECT redo_lsn FROM pg_control_checkpoint()), false)
        FROM pg_available_wal_summaries()"""
    wait_until(lambda: asyncio.run(_ask(server.url, is_noted)), 60)
    for summary in (server.data / "pg_wal" / "summaries").glob("[0-9A-F]*.summary"):  # not the one being written
        summary.unlink()


async def _ask(url: str, query: str) -> bool:
    connection = await asyncpg.connect(url)
    try:
        return bool(await connection.fetchval(query))
    finally:
        await connection.close()


@contextmanager
def _database(server: EmbeddedPostgres) -> Iterator[None]:
    maintenance = server.url_of("shodhana", server.password, "postgres")
    asyncio.run(execute(maintenance, "CREATE DATABASE shodhana"))
    yield


def _take(repository: Repository, server: EmbeddedPostgres, folder: Path, kind: str) -> Manifest:
    with open_folder() as scratch:
        draft = begin(kind, repository, scratch)  # type: ignore[arg-type]
        if kind == "logical":
            return logical.take(draft, server.url, None)
        return physical.take(draft, server.url, server.spool, folder / "state", None, is_full=False)


def _answers(endpoint: str) -> bool:
    """Whether a bucket can be made: the S3 gateway is up before what it stores in."""
    from obstore.store import S3Store

    try:
        if httpx.get(endpoint).status_code >= 500:
            return False
        settings = {"endpoint": endpoint, "access_key_id": ACCESS, "secret_access_key": SECRET, "region": "us-east-1"}
        store = S3Store(BUCKET, client_options={"allow_http": True}, retry_config={"max_retries": 0}, **settings)
        store.put("ready", b"ready")
    except Exception:
        return False
    return True
