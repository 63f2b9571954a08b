"""Chains what the audit log has noted; of its content this service learns the hash of the last entry alone."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import asyncpg
import structlog

from shodhana.runtime import metrics

MOST = 500
"""Entries in one transaction."""
PAUSE_S = 0.5
TELL_EVERY_S = 60.0
SEAL = "SELECT sealed, head, link FROM seal_audit($1)"
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PostgresAudit:
    """The sealer; of several replicas whichever comes first seals, and the others do nothing."""

    pool: asyncpg.Pool

    async def seal(self) -> None:
        """Seals until cancelled. The head of the chain goes to the log once a minute, where a cut end shows."""
        told_at, head = -TELL_EVERY_S, None
        while True:
            row = await self.pool.fetchrow(SEAL, MOST)
            assert row is not None  # a function with OUT parameters has one row
            if row["sealed"]:
                head = row
            if head is not None and time.monotonic() - told_at >= TELL_EVERY_S:
                _log.info("audit_sealed", head=f"{head['head']}:{head['link'].hex()}")
                told_at, head = time.monotonic(), None
            if row["sealed"] < MOST:
                if row["head"] is not None:  # else another replica is at it
                    metrics.AUDIT_SEALED.set_to_current_time()
                await asyncio.sleep(PAUSE_S)
