"""Faults of the stores: full disks, connections taken, locked tables, a cache of rubbish, a poisonous file."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
from redis.asyncio import Redis
from shodhana.api.transcripts.v1 import transcripts_pb2 as pb
from shodhana_client import connect_async

from tests.faults.degradations import corrected_without_cache, jobs_wait_in_postgres, no_room_for_files
from tests.faults.fault import EVERY_READ, Fault, Inject, Skipped
from tests.faults.processes import FROM_MEMORY
from tests.faults.signals import send
from tests.faults.world import World

FILLER = "filler"
MOST_CONNECTIONS = 250
POISON_S = 200.0
"""Three leases of 30 s, and as often a sweep and a bell."""
LINES = 400


def stores() -> Iterator[Fault]:
    yield Fault("disk of job files full (8 MB)", _full_tablespace, spares=EVERY_READ, check=no_room_for_files)
    yield Fault("disk of the broker full", _full_broker, spares=EVERY_READ, within_s=30, check=jobs_wait_in_postgres)
    yield Fault("connections of postgres all taken", _connections_taken, spares=FROM_MEMORY)
    yield Fault("pools exhausted: cases locked", _locked("review.review_cases"), spares=FROM_MEMORY)
    yield Fault("cache bytes corrupted", _corrupted, spares=EVERY_READ, check=corrected_without_cache)
    yield Fault("a file that kills its workers", _poison, 0, spares=EVERY_READ)


@asynccontextmanager
async def _full_tablespace(world: World) -> AsyncIterator[None]:
    """Job files lie on a small disk; it is full."""
    disk = _mounted(world, "tablespace")
    connection = await asyncpg.connect(world.database_url)
    folder = disk / "space"
    folder.mkdir(exist_ok=True)
    owner = (world.stores.directory / "postgres" / "data").stat()
    os.chown(folder, owner.st_uid, owner.st_gid)
    await connection.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
    await _move_files(connection, "small")
    _fill(disk)
    try:
        yield
    finally:
        (disk / FILLER).unlink()
        await _move_files(connection, "pg_default")
        await connection.execute("DROP TABLESPACE small")
        await connection.close()


async def _move_files(connection: asyncpg.Connection, space: str) -> None:
    """Those of ended jobs are of no use any more, and would not fit."""
    await connection.execute("DELETE FROM transcripts.segment_term; DELETE FROM transcripts.recheck")
    await connection.execute("UPDATE transcripts.job_file SET result = NULL WHERE state = 'succeeded'")
    await connection.execute("VACUUM FULL transcripts.job_file")
    await connection.execute(f"ALTER TABLE transcripts.job_file SET TABLESPACE {space}")


@asynccontextmanager
async def _full_broker(world: World) -> AsyncIterator[None]:
    """It cannot write down what it is given, ends itself, and does not come back before there is room."""
    disk, before = _mounted(world, "redis-broker"), world.restarts("redis-broker")
    _fill(disk)
    try:
        yield
        assert world.restarts("redis-broker") > before, "the broker did not notice that its disk is full"
    finally:
        (disk / FILLER).unlink()


def _mounted(world: World, name: str) -> Path:
    if not world.can_mount:
        raise Skipped("mounting a tmpfs needs root")
    return world.disk(name)


def _fill(disk: Path) -> None:
    with suppress(OSError), (disk / FILLER).open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 4096)


@asynccontextmanager
async def _connections_taken(world: World) -> AsyncIterator[None]:
    """Whoever wants one more is refused."""
    taken: list[asyncpg.Connection] = []
    try:
        with suppress(asyncpg.TooManyConnectionsError):
            while len(taken) < MOST_CONNECTIONS:
                taken.append(await asyncpg.connect(world.database_url))
        assert len(taken) < MOST_CONNECTIONS, "Postgres takes more connections than expected"
        yield
    finally:
        for connection in taken:
            connection.terminate()


def _locked(table: str) -> Inject:
    @asynccontextmanager
    async def inject(world: World) -> AsyncIterator[None]:
        connection = await asyncpg.connect(world.database_url)
        try:
            async with connection.transaction():
                await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
                yield
        finally:
            await connection.close()

    return inject


@asynccontextmanager
async def _corrupted(world: World) -> AsyncIterator[None]:
    """Every value is rubbish, and processes without a memory of their own have to read it."""

    async def corrupt() -> None:
        async with Redis.from_url(world.cache_url) as cache:
            while True:
                async for key in cache.scan_iter(count=500):
                    with suppress(Exception):  # not a string, or gone
                        value = await cache.getdel(key)
                        await cache.set(key, _spoiled(value), px=60_000)
                await asyncio.sleep(0.1)

    corrupting = asyncio.create_task(corrupt())
    await asyncio.sleep(1)
    for part in ("similarity-1", "embedding-1"):
        for pid in world.mesh.pids(part):
            send(pid, signal.SIGKILL)
    try:
        yield
    finally:
        corrupting.cancel()
        async with Redis.from_url(world.cache_url) as cache:
            await cache.flushall()


def _spoiled(value: bytes) -> bytes:
    return random.choice((b"", value[: len(value) // 2], random.randbytes(len(value)), value[:-1] + b"\xff", b"\0" * 8))


@asynccontextmanager
async def _poison(world: World) -> AsyncIterator[None]:
    """Whoever corrects it dies of it; after three it is given up, with its reason."""
    text = "The prarabdh of man and his samadi.\n" * LINES
    file = pb.TranscriptFile(filename="poison.txt", content=text.encode())
    connection = await asyncpg.connect(world.database_url)
    async with connect_async(world.mesh.profile) as client:
        job = await client.transcripts.CreateJob(
            pb.CreateJobRequest(files=[file], request_id=str(uuid.uuid4())), timeout=10
        )
        killed, ends_at = 0, time.monotonic() + POISON_S
        while True:
            state, attempt = await connection.fetchrow(
                "SELECT state, attempt FROM transcripts.job_file WHERE job_id = $1", int(job.name.removeprefix("jobs/"))
            )
            if state == "running" and attempt > killed:
                killed += 1
                for pid in world.mesh.pids("worker"):
                    send(pid, signal.SIGKILL)
            if state in ("failed", "succeeded"):
                break
            assert time.monotonic() < ends_at, f"still {state} after {POISON_S:g} s and {attempt} attempts"
            await asyncio.sleep(0.02)
        listed = await client.transcripts.ListJobFiles(pb.ListJobFilesRequest(parent=job.name), timeout=10)
    await connection.close()
    [ended] = listed.files
    assert (ended.state, killed) == (pb.JOB_FILE_STATE_FAILED, 3), f"{state} after {killed} deaths"
    assert "given up after 3 workers died" in ended.error.message, ended.error.message
    yield
