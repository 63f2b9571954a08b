"""Identity's part in the audit log: on whose behalf it writes, and that it seals."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
from shodhana.api.identity.v1 import identity_pb2 as pb
from shodhana.stack.audit.chain import verify_chain

ENTRIES = "SELECT * FROM audit.entries WHERE starts_with(action, 'users') ORDER BY sequence"


async def sealed(database: Any, until: Any, count: int) -> list[asyncpg.Record]:
    """The entries on users, when there are so many."""
    connection = await asyncpg.connect(database.url)

    async def are_there() -> bool:
        return len(await connection.fetch(ENTRIES)) >= count

    await until(are_there)
    found = await connection.fetch(ENTRIES)
    assert (await verify_chain(connection)).fault == ""
    await connection.close()
    return list(found)


async def test_a_granted_role_is_in_the_log_with_who_granted_it(
    identity: Any, postgres_database: Any, until: Any
) -> None:
    admin = await identity.users()
    added = await admin.CreateUser(pb.CreateUserRequest(user=pb.User(email="e@example.org", roles=["viewer"])))
    await admin.GrantRole(pb.GrantRoleRequest(name=added.name, role="admin"))
    _, granted = await sealed(postgres_database, until, 2)
    assert (granted["actor"], granted["subject"]) == ("serviceAccounts/local-admin", added.name)
    assert json.loads(granted["details"])["after"] == {"roles": ["admin", "viewer"]}


async def test_who_logs_in_is_in_the_log_and_their_address_is_not(
    start: Any, postgres_database: Any, until: Any
) -> None:
    async with start() as (_, new_browser):
        await new_browser().log_in("radha")
        added, logged_in, linked = await sealed_all(postgres_database, until)
    assert (added["actor"], added["action"]) == ("shodhana_identity", "users.added")
    assert (linked["actor"], linked["action"]) == ("users/1", "userLogins.added")
    assert (logged_in["actor"], logged_in["subject"]) == ("users/1", "users/1")
    assert "last_login_at" in json.loads(logged_in["details"])["after"]
    assert "radha" not in "".join(entry["details"] for entry in (added, logged_in, linked))


async def sealed_all(database: Any, until: Any) -> list[asyncpg.Record]:
    users = await sealed(database, until, 2)
    connection = await asyncpg.connect(database.url)
    linked = await connection.fetch("SELECT * FROM audit.entries WHERE action = 'userLogins.added'")
    await connection.close()
    return [*users, *linked]
