"""Jobs in schema `transcripts`; every time is the database's."""

from __future__ import annotations

import hashlib

import asyncpg

from shodhana.runtime.postgres import Connection, settle
from shodhana.runtime.standby import Readable

from ..domain.jobs import (
    ClaimedFile,
    FileResult,
    FileState,
    FilesWaiting,
    Job,
    JobFile,
    JobNotFound,
    NewFile,
    NewJob,
    RequestIdReused,
    ResultNotReady,
)

RING_AGAIN_S = 20  # a bell that was rung that long ago and not answered may be lost
_JOB = """
SELECT job.job_id, display_name, creator, created_at, cancelled_at, max(ended_at) AS ended_at,
       count(*) FILTER (WHERE state = 'queued') AS queued, count(*) FILTER (WHERE state = 'running') AS running,
       count(*) FILTER (WHERE state = 'succeeded') AS succeeded, count(*) FILTER (WHERE state = 'failed') AS failed,
       count(*) FILTER (WHERE state = 'cancelled') AS cancelled
FROM job JOIN job_file USING (job_id)
"""
_FILE = "job_id, file_id, filename, state, attempt, error, scores, requires_review, ended_at, outdated_by"

FINISH = """
WITH finished AS (
    UPDATE job_file SET state = 'succeeded', result = $3, scores = $4, requires_review = $5, ended_at = now(),
        lease_until = NULL
    WHERE file_id = $1 AND fence = $2 AND state = 'running'
    RETURNING file_id
), indexed AS (
    INSERT INTO segment_term (file_id, terms) SELECT file_id, $6 FROM finished
    ON CONFLICT (file_id) DO UPDATE SET terms = excluded.terms
)
SELECT true FROM finished
"""
WAITING = """
SELECT count(*) FILTER (WHERE state = 'queued'), count(*) FILTER (WHERE state = 'running'),
    coalesce(max(extract(epoch FROM now() - created_at)) FILTER (WHERE state = 'queued'), 0)::float
FROM job_file JOIN job USING (job_id) WHERE state IN ('queued', 'running')
"""


class PostgresJobs:
    """The port `JobStore`."""

    def __init__(self, pool: asyncpg.Pool, batch_size: int = 100, reads: Readable | None = None) -> None:
        self._pool = pool
        self._reads: Readable = reads or pool
        self._batch_size = batch_size

    async def create(self, new: NewJob) -> tuple[Job, list[int]]:
        content_hash = _content_hash(new)
        async with self._pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(
                "INSERT INTO job (display_name, creator, options, request_id, content_hash) "
                "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (request_id) DO NOTHING RETURNING job_id",
                *(new.display_name, new.creator, new.options, new.request_id, content_hash),
            )
            if row is None:
                return await self._known(connection, new, content_hash)
            records = [
                (row["job_id"], position, file.filename, file.layout, file.content, new.traceparent)
                for position, file in enumerate(new.files)
            ]
            columns = ["job_id", "position", "filename", "layout", "content", "traceparent"]
            await connection.copy_records_to_table("job_file", records=records, columns=columns)
            ids = await connection.fetch(
                "SELECT file_id FROM job_file WHERE job_id = $1 ORDER BY position", row["job_id"]
            )
            return await _job(connection, row["job_id"]), [found["file_id"] for found in ids]

    async def job(self, job_id: int) -> Job:
        async with self._pool.acquire() as connection:
            return await _job(connection, job_id)

    async def jobs(self, before: int | None, limit: int) -> list[Job]:
        rows = await self._reads.fetch(
            f"{_JOB} WHERE job_id IN (SELECT job_id FROM job WHERE $1::bigint IS NULL OR job_id < $1 "
            "ORDER BY job_id DESC LIMIT $2) GROUP BY job.job_id ORDER BY job.job_id DESC",
            *(before, limit),
        )
        return [_as_job(row) for row in rows]

    async def files(self, job_id: int, state: FileState | None, after: int, limit: int) -> list[JobFile]:
        rows = await self._reads.fetch(
            f"SELECT {_FILE} FROM job_file WHERE job_id = $1 AND file_id > $2 AND ($3::text IS NULL OR state = $3) "
            "ORDER BY file_id LIMIT $4",
            *(job_id, after, state.value if state else None, limit),
        )
        return [_as_file(row) for row in rows]

    async def cancel(self, job_id: int) -> Job:
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "UPDATE job_file SET state = 'cancelled', fence = fence + 1, ended_at = now(), lease_until = NULL "
                "WHERE job_id = $1 AND state IN ('queued', 'running')",
                job_id,
            )
            await connection.execute(
                "UPDATE job SET cancelled_at = now() WHERE job_id = $1 AND cancelled_at IS NULL AND EXISTS "
                "(SELECT FROM job_file WHERE job_id = $1 AND state = 'cancelled')",
                job_id,
            )
            return await _job(connection, job_id)

    async def result(self, job_id: int, file_id: int) -> bytes:
        result: bytes | None = await self._reads.fetchval(
            "SELECT result FROM job_file WHERE job_id = $1 AND file_id = $2", job_id, file_id
        )
        if result is not None:
            return result
        state = await self._pool.fetchval(
            "SELECT state FROM job_file WHERE job_id = $1 AND file_id = $2", job_id, file_id
        )
        if state is None:
            raise JobNotFound(f"no file jobs/{job_id}/files/{file_id}")
        raise ResultNotReady(f"jobs/{job_id}/files/{file_id} is {state}", metadata={"state": state})

    async def original(self, job_id: int, file_id: int) -> NewFile:
        row = await self._pool.fetchrow(
            "SELECT filename, content, layout FROM job_file WHERE job_id = $1 AND file_id = $2", job_id, file_id
        )
        if row is None:
            raise JobNotFound(f"no file jobs/{job_id}/files/{file_id}")
        return NewFile(**dict(row))

    async def claim(self, file_id: int, lease_s: float) -> ClaimedFile | None:
        row = await self._pool.fetchrow(
            "WITH mine AS (SELECT file_id FROM job_file WHERE file_id = $1 AND (state = 'queued' OR (state = 'running' "
            "AND lease_until < now())) FOR UPDATE SKIP LOCKED) "
            "UPDATE job_file SET state = 'running', attempt = attempt + 1, fence = fence + 1, "
            "lease_until = now() + make_interval(secs => $2) FROM mine, job "
            "WHERE job_file.file_id = mine.file_id AND job.job_id = job_file.job_id "
            "RETURNING job_file.file_id, job_file.job_id, fence, attempt, filename, content, layout, options, "
            "traceparent, extract(epoch FROM now() - job.created_at)::float AS waited_s",
            *(file_id, lease_s),
        )
        return None if row is None else ClaimedFile(**dict(row))

    async def prolong(self, claimed: ClaimedFile, lease_s: float) -> bool:
        return await self._fenced(claimed, "lease_until = now() + make_interval(secs => $3)", lease_s)

    async def finish(self, claimed: ClaimedFile, result: FileResult) -> bool:
        return bool(
            await self._pool.fetchval(
                FINISH,
                *(claimed.file_id, claimed.fence, result.result, result.scores, result.requires_review),
                list(result.terms),
            )
        )

    async def fail(self, claimed: ClaimedFile, error: bytes) -> bool:
        return await self._fenced(claimed, "state = 'failed', error = $3, ended_at = now(), lease_until = NULL", error)

    async def give_back(self, claimed: ClaimedFile) -> bool:
        """The attempt does not count: no worker died of the file. The sweeper rings for it soon."""
        change = "state = 'queued', attempt = attempt - 1, lease_until = NULL, rung_at = to_timestamp(0)"
        return await self._fenced(claimed, change)

    async def waiting(self) -> FilesWaiting:
        [row] = await self._pool.fetch(WAITING)
        return FilesWaiting(*row.values())

    async def sweep(self, max_attempts: int, poison: bytes) -> list[int]:
        await self._pool.execute(
            "UPDATE job_file SET state = 'failed', error = $2, ended_at = now(), fence = fence + 1, lease_until = NULL "
            "WHERE state = 'running' AND lease_until < now() AND attempt >= $1",
            *(max_attempts, poison),
        )
        rows = await self._pool.fetch(
            "UPDATE job_file SET rung_at = now() WHERE file_id IN (SELECT file_id FROM job_file "
            "WHERE (state = 'running' AND lease_until < now() AND rung_at < now() - interval '2 s') "
            "OR (state = 'queued' AND rung_at < now() - make_interval(secs => $1)) "
            "ORDER BY file_id LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING file_id",
            *(RING_AGAIN_S, self._batch_size),
        )
        return [row["file_id"] for row in rows]

    async def _fenced(self, claimed: ClaimedFile, change: str, *values: object) -> bool:
        status = await self._pool.execute(
            f"UPDATE job_file SET {change} WHERE file_id = $1 AND fence = $2 AND state = 'running'",
            *(claimed.file_id, claimed.fence, *values),
        )
        return status == "UPDATE 1"

    async def _known(self, connection: Connection, new: NewJob, content_hash: bytes) -> tuple[Job, list[int]]:
        row = await connection.fetchrow("SELECT job_id, content_hash FROM job WHERE request_id = $1", new.request_id)
        if row is None or row["content_hash"] != content_hash:
            raise RequestIdReused(f"request id {new.request_id} was used for other files")
        await settle(connection)
        return await _job(connection, row["job_id"]), []


async def _job(connection: Connection, job_id: int) -> Job:
    row = await connection.fetchrow(f"{_JOB} WHERE job.job_id = $1 GROUP BY job.job_id", job_id)
    if row is None:
        raise JobNotFound(f"no job jobs/{job_id}")
    return _as_job(row)


def _as_job(row: asyncpg.Record) -> Job:
    counts = {state: row[state.value] for state in FileState}
    has_ended = not (counts[FileState.QUEUED] or counts[FileState.RUNNING])
    return Job(
        job_id=row["job_id"],
        display_name=row["display_name"],
        creator=row["creator"],
        created_at=row["created_at"],
        cancelled_at=row["cancelled_at"],
        ended_at=row["ended_at"] if has_ended else None,
        counts=counts,
    )


def _as_file(row: asyncpg.Record) -> JobFile:
    return JobFile(**{**dict(row), "state": FileState(row["state"])})


def _content_hash(new: NewJob) -> bytes:
    digest = hashlib.blake2b(new.options, digest_size=16)
    for file in new.files:
        digest.update(repr((file.filename, file.layout, len(file.content))).encode())
        digest.update(file.content)
    return digest.digest()
