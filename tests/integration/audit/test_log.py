"""The audit log: what is noted, that nobody can take it back, and that who does all the same is found out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from shodhana.stack.audit.chain import verify_chain
from shodhana.stack.migrations import SCHEMAS

INTO_CASES = "INSERT INTO review.review_cases (domain, rank_at, due_at, filename, heard, body) VALUES "
ADD_CASES = f"{INTO_CASES} ('general', now(), now(), 'talk.srt', 'bhagavat', '') RETURNING case_id"
DECIDE = """
INSERT INTO review.expert_decisions (case_id, fence, request_id, verdict, decision_type, decided_text, comment, expert,
    state_after, was_escalated, rank_before)
SELECT case_id, fence, gen_random_uuid(), 'correct', 'lexicon_correction', 'Bhāgavata', '', 'users/7', 'approved',
    false, now()
FROM unnest($1::bigint[]) AS case_id CROSS JOIN generate_series(1, $2) AS fence RETURNING decision_id
"""
TAKE_BACK = """
UPDATE review.expert_decisions SET undone_at = now(), undone_by = $2, undo_request_id = gen_random_uuid()
WHERE decision_id = $1
"""


@pytest.fixture
async def owner(postgres_database: Any) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the superuser, whom nothing but his own conscience stops."""
    connection = await asyncpg.connect(postgres_database.url)
    yield connection
    await connection.close()


@pytest.fixture
async def review(postgres_database: Any) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_database.role_url("review"))
    yield connection
    await connection.close()


@pytest.fixture
async def identity(postgres_database: Any) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_database.role_url("identity"))
    yield connection
    await connection.close()


async def decide(review: asyncpg.Connection, count: int = 1) -> list[int]:
    case_id = await review.fetchval(ADD_CASES)
    return [row[0] for row in await review.fetch(DECIDE, [case_id], count)]


async def entries(owner: asyncpg.Connection) -> list[asyncpg.Record]:
    await owner.fetchrow("SELECT * FROM audit.seal(1000)")
    return list(await owner.fetch("SELECT * FROM audit.entries ORDER BY sequence"))


async def test_a_decision_is_noted_with_who_made_it_and_what_it_says(owner: Any, review: Any) -> None:
    (decision_id,) = await decide(review)
    (entry,) = await entries(owner)
    details = json.loads(entry["details"])
    assert (entry["role"], entry["actor"], entry["action"]) == ("shodhana_review", "users/7", "decisions.added")
    assert entry["subject"].endswith(f"/decisions/{decision_id}")
    assert (details["verdict"], details["text"]) == ("correct", "Bhāgavata")


async def test_what_is_rolled_back_is_not_noted(owner: Any, review: Any) -> None:
    transaction = review.transaction()
    await transaction.start()
    await decide(review)
    await transaction.rollback()
    assert await entries(owner) == []


@pytest.mark.parametrize(("who", "action"), [("users/7", "decisions.undone"), ("users/1", "decisions.revoked")])
async def test_taking_a_decision_back_is_noted(owner: Any, review: Any, who: str, action: str) -> None:
    (decision_id,) = await decide(review)
    await review.execute(TAKE_BACK, decision_id, who)
    entry = (await entries(owner))[-1]
    assert (entry["actor"], entry["action"]) == (who, action)


async def test_a_decision_changed_by_hand_is_noted_with_what_it_was(owner: Any, review: Any) -> None:
    (decision_id,) = await decide(review)
    await owner.execute("UPDATE review.expert_decisions SET decided_text = 'x' WHERE decision_id = $1", decision_id)
    entry = (await entries(owner))[-1]
    assert (entry["role"], entry["actor"], entry["action"]) == ("shodhana", "shodhana", "decisions.changed")
    assert json.loads(entry["details"])["before"]["decided_text"] == "Bhāgavata"


async def test_roles_are_noted_as_they_were_and_are_and_no_address_is(owner: Any, identity: Any) -> None:
    await identity.execute("INSERT INTO identity.users (email, roles) VALUES ('meera@example.org', '{viewer}')")
    async with identity.transaction():
        await identity.execute("SELECT set_config('shodhana.actor', 'users/1', true)")
        await identity.execute("UPDATE identity.users SET roles = '{admin}'")
    added, changed = await entries(owner)
    assert (added["actor"], changed["actor"]) == ("shodhana_identity", "users/1")
    assert json.loads(changed["details"]) == {"before": {"roles": ["viewer"]}, "after": {"roles": ["admin"]}}
    assert "meera" not in added["details"]
    assert json.loads(added["details"])["after"]["email"].startswith("sha256:")


async def test_an_accounts_new_secret_is_noted_and_not_its_hash(owner: Any, identity: Any) -> None:
    await identity.execute("INSERT INTO identity.service_accounts VALUES ('peer', '{viewer}', sha256('a'))")
    await identity.execute("UPDATE identity.service_accounts SET roles = roles, secret_hash = sha256('b')")
    await identity.execute("UPDATE identity.service_accounts SET roles = roles")
    await identity.execute("DELETE FROM identity.service_accounts")
    found = await entries(owner)
    assert [entry["action"].split(".")[1] for entry in found] == ["added", "changed", "removed"]
    assert set(json.loads(found[1]["details"])["after"]) == {"secret_hash"}
    secret = await owner.fetchval("SELECT encode(sha256('b'), 'hex')")
    assert not any(secret in entry["details"] for entry in found)


async def test_a_version_of_the_lexicon_made_active_is_noted(owner: Any, postgres_database: Any) -> None:
    similarity = await asyncpg.connect(postgres_database.role_url("similarity"))
    new = "INSERT INTO similarity.lexicon_version (entry_count, content_hash, creator) VALUES (3, 'c0ffee', 'users/2')"
    await similarity.execute(new)
    await similarity.execute("UPDATE similarity.lexicon_version SET active = true")
    await similarity.close()
    made, activated = await entries(owner)
    assert (made["subject"], made["actor"]) == ("lexiconVersions/1", "users/2")
    assert json.loads(activated["details"]) == {"before": {"active": False}, "after": {"active": True}}


async def test_knowledge_resolved_and_published_is_noted(owner: Any, review: Any) -> None:
    await review.execute(
        "INSERT INTO review.proposals (heard_key, heard, term, domain) VALUES ('a', 'a', 'ā', 'general')"
    )
    await review.execute("INSERT INTO review.proposal_resolutions VALUES (gen_random_uuid(), 1, 'approve', 'users/3')")
    await review.execute("UPDATE review.proposals SET state = 'approved', updated_at = now()")
    await review.execute("INSERT INTO review.publications (decided_at) VALUES (now())")
    await review.execute("UPDATE review.publications SET refreshed_count = 4")
    await review.execute("UPDATE review.publications SET state = 'active', lexicon_version = 'lexiconVersions/2'")
    found = [(entry["actor"], entry["action"]) for entry in await entries(owner)]
    assert found == [
        ("users/3", "proposals.added"),
        ("shodhana_review", "proposals.changed"),
        ("shodhana_review", "publications.added"),
        ("shodhana_review", "publications.changed"),
    ]


FORBIDDEN = (
    "SELECT * FROM audit.entries",
    "UPDATE audit.entries SET actor = 'users/9'",
    "DELETE FROM audit.entries",
    "TRUNCATE audit.entries",
    "INSERT INTO audit.pending (actor, action, subject, details) VALUES ('users/9', 'x', 'y', '{}')",
    "DELETE FROM audit.pending",
    "SELECT * FROM audit.seal(10)",
    "DROP TRIGGER decisions_are_noted ON review.expert_decisions",
    "ALTER TABLE review.expert_decisions DISABLE TRIGGER decisions_are_noted",
    "SET session_replication_role = replica",
)


@pytest.mark.parametrize("schema", SCHEMAS)
async def test_no_service_touches_the_log(postgres_database: Any, schema: str) -> None:
    connection = await asyncpg.connect(postgres_database.role_url(schema))
    for statement in FORBIDDEN:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    await connection.close()


@pytest.mark.parametrize("change", ["UPDATE {} SET actor = ''", "DELETE FROM {}", "TRUNCATE {}"])
async def test_not_even_the_owner_changes_an_entry(owner: Any, review: Any, change: str) -> None:
    await decide(review)
    await entries(owner)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await owner.execute(change.format("audit.entries"))


async def test_a_whole_chain_verifies_whatever_its_letters(owner: Any, review: Any, identity: Any) -> None:
    await decide(review, 3)
    await identity.execute("INSERT INTO identity.users (email, roles) VALUES ('\"a\\b@x', '{\"3:ā\\n\"}')")
    assert len(await entries(owner)) == 4
    assert (await verify_chain(owner)).fault == ""


TAMPERINGS = {
    "UPDATE audit.entries SET actor = 'users/8' WHERE sequence = 3": "entry 3 was changed",
    'UPDATE audit.entries SET details = details || \'{"text": "x"}\' WHERE sequence = 3': "entry 3 was changed",
    "UPDATE audit.entries SET at = at + interval '1 microsecond' WHERE sequence = 3": "entry 3 was changed",
    "UPDATE audit.entries SET hash = sha256('') WHERE sequence = 3": "entry 3 was changed",
    "DELETE FROM audit.entries WHERE sequence = 3": "entry 3 is missing",
    "DELETE FROM audit.entries WHERE sequence < 3": "entry 1 is missing",
}


@pytest.mark.parametrize(("tampering", "fault"), TAMPERINGS.items())
async def test_what_a_superuser_changes_is_found(owner: Any, review: Any, tampering: str, fault: str) -> None:
    await decide(review, 5)
    await entries(owner)
    await tamper(owner, tampering)
    assert fault in (await verify_chain(owner)).fault


async def test_a_cut_end_and_a_chain_written_anew_are_found_by_a_head_known_from_elsewhere(
    owner: Any, review: Any
) -> None:
    await decide(review, 5)
    await entries(owner)
    known = {entry["sequence"]: bytes(entry["hash"]) for entry in await entries(owner)}
    await tamper(owner, "DELETE FROM audit.entries WHERE sequence > 3")
    assert (await verify_chain(owner)).fault == ""
    assert "entry 5 is missing" in (await verify_chain(owner, {5: known[5]})).fault
    await decide(review, 2)
    await entries(owner)
    assert (await verify_chain(owner)).fault == ""
    assert "entry 5 is not the one" in (await verify_chain(owner, {5: known[5]})).fault
    assert (await verify_chain(owner, {3: known[3]})).fault == ""


async def test_those_who_seal_at_once_make_one_chain(postgres_database: Any, owner: Any, review: Any) -> None:
    await decide(review, 400)
    sealers = [await asyncpg.connect(postgres_database.role_url("identity")) for _ in range(4)]

    async def seal(connection: asyncpg.Connection) -> int:
        return sum([await connection.fetchval("SELECT sealed FROM identity.seal_audit(10)") for _ in range(60)])

    sealed = await asyncio.gather(*map(seal, sealers))
    for connection in sealers:
        await connection.close()
    left = await owner.fetchval("SELECT count(*) FROM audit.pending")
    assert sum(sealed) + left == 400
    assert await owner.fetchval("SELECT count(*) FROM audit.entries") == sum(sealed)
    assert (await verify_chain(owner)).fault == ""


async def tamper(owner: asyncpg.Connection, statement: str) -> None:
    """As a superuser does who knows how: triggers do not fire."""
    async with owner.transaction():
        await owner.execute("SET LOCAL session_replication_role = replica")
        await owner.execute(statement)
