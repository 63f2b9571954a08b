"""Finished files looked at again, over a real Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from shodhana.runtime.postgres import open_pool
from shodhana.runtime.settings import RuntimeSettings
from shodhana.transcripts.adapters.postgres_jobs import PostgresJobs
from shodhana.transcripts.adapters.postgres_rechecks import PostgresRechecks
from shodhana.transcripts.domain.jobs import FileResult, NewFile, NewJob
from shodhana.transcripts.domain.ports import ServiceMissing
from shodhana.transcripts.domain.rechecks import FinishedFile, recheck_one

VERSION = "lexiconVersions/7"


@pytest.fixture
async def pool(postgres_database: Any) -> AsyncIterator[asyncpg.Pool]:
    settings = RuntimeSettings(database_url=postgres_database.role_url("transcripts"), pool_min=1, pool_max=4)
    async with open_pool(settings, "transcripts") as opened:
        yield opened


async def finished(pool: asyncpg.Pool, *terms: tuple[str, ...]) -> list[int]:
    store = PostgresJobs(pool)
    files = tuple(NewFile(f"{number}.txt", b"text", 4) for number in range(len(terms)))
    _, ids = await store.create(NewJob(files, b"", "test", "users/1", None))
    for file_id, found in zip(ids, terms, strict=True):
        claimed = await store.claim(file_id, 30)
        assert claimed is not None
        assert await store.finish(claimed, FileResult(b"result", b"", False, found))
    return ids


async def differs(file: FinishedFile) -> tuple[bool, str]:
    return True, file.lexicon_version


async def same(file: FinishedFile) -> tuple[bool, str]:
    return False, file.lexicon_version


async def away(file: FinishedFile) -> tuple[bool, str]:
    raise ServiceMissing("away")


async def flags(pool: asyncpg.Pool) -> list[str]:
    rows = await pool.fetch("SELECT outdated_by FROM job_file ORDER BY file_id")
    return [row["outdated_by"] for row in rows]


async def test_files_with_the_words_are_flagged_until_they_come_out_the_same(
    pool: asyncpg.Pool,
) -> None:
    await finished(pool, ("kuticak", "bhakt"), ("bhakt",), ())
    rechecks = PostgresRechecks(pool)
    assert await rechecks.count(["kuticak"]) == 1
    assert await rechecks.ask(["kuticak"], VERSION) == 1
    assert await recheck_one(rechecks, differs, 60)
    assert not await recheck_one(rechecks, differs, 60)
    assert await flags(pool) == [VERSION, "", ""]
    assert await rechecks.ask(["kuticak", "bhakt"], "lexiconVersions/8") == 2
    while await recheck_one(rechecks, same, 60):
        pass
    assert await flags(pool) == ["", "", ""]


async def test_a_look_that_was_broken_off_is_taken_again_and_a_newer_request_is_not_lost(pool: asyncpg.Pool) -> None:
    await finished(pool, ("kuticak",))
    rechecks = PostgresRechecks(pool)
    await rechecks.ask(["kuticak"], VERSION)
    with pytest.raises(ServiceMissing):
        await recheck_one(rechecks, away, 0)
    taken = await rechecks.take(0)
    assert taken is not None
    assert taken.result == b"result"
    await rechecks.ask(["kuticak"], "lexiconVersions/8")
    await rechecks.settle(taken, VERSION)
    assert await recheck_one(rechecks, same, 60)
    assert await flags(pool) == [""]


async def test_a_file_that_is_never_comparable_is_given_up(pool: asyncpg.Pool) -> None:
    await finished(pool, ("kuticak",))
    rechecks = PostgresRechecks(pool)
    await rechecks.ask(["kuticak"], VERSION)
    for _ in range(5):
        assert await rechecks.take(0) is not None
    assert await rechecks.take(0) is None
