"""Versions made from what experts decided, over a real Postgres."""

from __future__ import annotations

import uuid

import asyncpg
from shodhana.similarity.adapters.postgres_amendments import PostgresAmendments
from shodhana.similarity.adapters.postgres_store import PostgresStore
from shodhana.similarity.domain.amendment import Amendment, Change, Effect
from shodhana.similarity.domain.lexicon import Entry, NewVersion

ENTRIES = tuple(
    Entry(term, "spiritual", "yoga", "noun", f"meaning of {term}") for term in ("bhakti", "dhyāna", "jñāna")
)
HEARD = Change("vāsudhā", "vasuda", "spiritual")


def amendment(*changes: Change, request_id: str = "") -> Amendment:
    return Amendment(changes, ("reviewCases/1/decisions/2",), "test", "users/1", request_id or str(uuid.uuid4()))


async def test_an_amendment_is_an_inactive_version_made_once(pool: asyncpg.Pool) -> None:
    store, amendments = PostgresStore(pool), PostgresAmendments(pool)
    base = (await store.create_version(NewVersion(ENTRIES))).version
    wanted = amendment(HEARD, Change("bhakti", "baki", "spiritual"))
    made = await amendments.amend(wanted)
    assert (made.version.active, made.version.supersedes, made.version.entry_count) == (False, base.version_id, 4)
    assert made.version.decisions == wanted.decisions
    assert [outcome.effect for outcome in made.outcomes] == [Effect.ENTRY_ADDED, Effect.ALIAS_ADDED]
    assert await amendments.amend(wanted) == made
    assert {entry.term for entry in await store.entries(made.version.version_id)} == {
        *("bhakti", "dhyāna", "jñāna", "vāsudhā")
    }
    assert (await store.active_version()) == base


async def test_taking_a_change_back_gives_the_content_from_before(pool: asyncpg.Pool) -> None:
    store, amendments = PostgresStore(pool), PostgresAmendments(pool)
    base = (await store.create_version(NewVersion(ENTRIES))).version
    there = await amendments.amend(amendment(HEARD, Change("bhakti", "baki", "spiritual")))
    await store.activate(there.version.version_id)
    back = await amendments.amend(
        amendment(
            Change("vāsudhā", "vasuda", "spiritual", is_removal=True),
            Change("bhakti", "baki", "spiritual", is_removal=True),
        )
    )
    assert back.version.content_hash == base.content_hash
    assert [outcome.effect for outcome in back.outcomes] == [Effect.ENTRY_REMOVED, Effect.ALIAS_REMOVED]


async def test_what_changes_nothing_makes_no_version(pool: asyncpg.Pool) -> None:
    store, amendments = PostgresStore(pool), PostgresAmendments(pool)
    base = (await store.create_version(NewVersion(ENTRIES))).version
    known, taken = Change("bhakti", "Bhaktee", "spiritual"), Change("bhakti", "dhyan", "general")
    made = await amendments.amend(amendment(known, taken))
    assert made.version == base
    assert [outcome.effect for outcome in made.outcomes] == [Effect.NONE, Effect.REFUSED]
    assert made.outcomes[1].rivals == ("dhyāna",)
    assert len(await store.versions(None, 10)) == 1
