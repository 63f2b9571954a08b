"""Files to look at again, in schema `transcripts`."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from ..domain.rechecks import FinishedFile

MATCHES = "FROM segment_term JOIN job_file USING (file_id) WHERE terms && $1::text[] AND state = 'succeeded'"
ASK = f"""
INSERT INTO recheck (file_id, lexicon_version) SELECT file_id, $2 {MATCHES}
ON CONFLICT (file_id) DO UPDATE SET lexicon_version = excluded.lexicon_version, due_at = now(), attempts = 0
"""
TAKE = """
WITH mine AS (
    SELECT file_id FROM recheck WHERE due_at <= now() AND attempts < 5
    ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE recheck SET due_at = now() + make_interval(secs => $1), attempts = attempts + 1
    FROM mine WHERE recheck.file_id = mine.file_id RETURNING recheck.file_id, lexicon_version
)
SELECT file_id, filename, content, layout, options, result, lexicon_version
FROM taken JOIN job_file USING (file_id) JOIN job USING (job_id)
"""
# A newer version may have asked for the same file meanwhile; then it stays due.
SETTLE = """
WITH done AS (DELETE FROM recheck WHERE file_id = $1 AND lexicon_version = $2)
UPDATE job_file SET outdated_by = $3 WHERE file_id = $1
"""


class PostgresRechecks:
    """The port `Rechecks`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def count(self, terms: Sequence[str]) -> int:
        return int(await self._pool.fetchval(f"SELECT count(*) {MATCHES}", list(terms)))

    async def ask(self, terms: Sequence[str], lexicon_version: str) -> int:
        status = await self._pool.execute(ASK, list(terms), lexicon_version)
        return int(status.split()[-1])

    async def take(self, patience_s: float) -> FinishedFile | None:
        row = await self._pool.fetchrow(TAKE, patience_s)
        return None if row is None else FinishedFile(**dict(row))

    async def settle(self, file: FinishedFile, outdated_by: str) -> None:
        await self._pool.execute(SETTLE, file.file_id, file.lexicon_version, outdated_by)
