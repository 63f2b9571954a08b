"""What a worker does with one file."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from shodhana.errors import DomainError, ResourceExhausted, Unavailable

from .jobs import ClaimedFile, FileResult, JobStore

PAUSE_S = 1.0  # before a file goes back to the queue because a service is missing
_log = structlog.get_logger()


class Corrects(Protocol):
    """Corrects a claimed file and answers with messages of the contract."""

    async def __call__(self, claimed: ClaimedFile) -> FileResult: ...


async def run_file(
    file_id: int,
    store: JobStore,
    correct: Corrects,
    as_status: Callable[[DomainError], bytes],
    lease_s: float,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> str:
    """Claims, corrects and finishes a file; says what came of it. A file that is not to be had is nobody's fault."""
    claimed = await store.claim(file_id, lease_s)
    if claimed is None:
        return "not_claimed"
    heartbeat = asyncio.create_task(_keep_lease(claimed, store, lease_s))
    try:
        result = await correct(claimed)
    except (Unavailable, ResourceExhausted) as error:
        if _is_transient(error):
            await pause(PAUSE_S)
            await store.give_back(claimed)
            return "given_back"
        return "failed" if await store.fail(claimed, as_status(error)) else "fenced_off"
    except DomainError as error:
        return "failed" if await store.fail(claimed, as_status(error)) else "fenced_off"
    finally:
        heartbeat.cancel()
    return "succeeded" if await store.finish(claimed, result) else "fenced_off"


def _is_transient(error: Unavailable | ResourceExhausted) -> bool:
    """A limit of the file's own (too large) stays; whatever says when to come back passes."""
    return isinstance(error, Unavailable) or error.retry_after_s is not None


async def _keep_lease(claimed: ClaimedFile, store: JobStore, lease_s: float) -> None:
    while True:
        await asyncio.sleep(lease_s / 3)
        try:
            if not await store.prolong(claimed, lease_s):
                return
        except Exception as error:  # the next beat may pass; if none does the lease ends, which is what leases are for
            _log.warning("heartbeat_failed", file_id=claimed.file_id, error=type(error).__name__)
