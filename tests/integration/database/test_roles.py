"""What each service's role may do in the database: exactly what is listed here, proved by what is refused."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from shodhana.stack.migrations import SCHEMAS, role_of

GRANTED = """
SELECT grantee, namespace || '.' || name AS thing, string_agg(letter, '' ORDER BY letter) AS rights FROM (
    SELECT acl.grantee::regrole::text, relnamespace::regnamespace::text AS namespace, relname AS name,
        CASE acl.privilege_type WHEN 'SELECT' THEN 'r' WHEN 'INSERT' THEN 'a' WHEN 'UPDATE' THEN 'w'
            WHEN 'DELETE' THEN 'd' ELSE acl.privilege_type END AS letter
    FROM pg_class CROSS JOIN LATERAL aclexplode(relacl) AS acl
    UNION ALL
    SELECT acl.grantee::regrole::text, relnamespace::regnamespace::text, relname || '.' || attname,
        CASE acl.privilege_type WHEN 'UPDATE' THEN 'w' ELSE acl.privilege_type END
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid CROSS JOIN LATERAL aclexplode(attacl) AS acl
    UNION ALL
    SELECT acl.grantee::regrole::text, pronamespace::regnamespace::text, proname || '()', 'x'
    FROM pg_proc CROSS JOIN LATERAL aclexplode(proacl) AS acl
) AS granted WHERE starts_with(grantee, 'shodhana_') GROUP BY 1, 2 ORDER BY 2
"""
OPEN_TO_ALL = """
SELECT pronamespace::regnamespace || '.' || proname FROM pg_proc
WHERE pronamespace::regnamespace::text = ANY($1) AND prosecdef AND prorettype <> 'trigger'::regtype
    AND has_function_privilege('public', oid, 'EXECUTE')
"""
ATTRIBUTES = """
SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls AS is_mighty,
    (SELECT count(*) FROM pg_auth_members WHERE member = pg_roles.oid) AS memberships,
    (SELECT count(*) FROM pg_class WHERE relowner = pg_roles.oid) AS owned
FROM pg_roles WHERE rolname = $1
"""
TABLES = """
SELECT relnamespace::regnamespace::text AS schema, relnamespace::regnamespace || '.' || relname AS name FROM pg_class
WHERE relkind IN ('r', 'p') AND relnamespace::regnamespace::text = ANY($1) ORDER BY 2
"""
GRANTS = Path(__file__).with_name("grants.txt")
FOREIGN = (
    "SELECT * FROM {} LIMIT 1",
    "INSERT INTO {} DEFAULT VALUES",
    "DELETE FROM {}",
    "TRUNCATE {}",
    "SELECT FROM {} FOR UPDATE",
    "COPY {} TO STDOUT",
    "DROP TABLE {}",
    "ALTER TABLE {} ADD COLUMN more text",
)
DEFINITIONS = (
    "CREATE TABLE {schema}.mine (n int)",
    "CREATE TABLE public.mine (n int)",
    "CREATE SCHEMA mine",
    "CREATE FUNCTION {schema}.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE EXTENSION dblink",
    "CREATE ROLE mine",
    "CREATE DATABASE mine",
    "ALTER ROLE {role} SUPERUSER",
    "ALTER ROLE {role} CREATEROLE",
    "ALTER ROLE shodhana PASSWORD 'mine'",
    "SET ROLE shodhana",
    "SET ROLE {other}",
    "SET SESSION AUTHORIZATION {other}",
    "GRANT {other} TO {role}",
    "ALTER SYSTEM SET log_statement = 'none'",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT pg_reload_conf()",
    "SELECT rolpassword FROM pg_authid",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "COPY (SELECT 1) TO '/tmp/mine'",
)


@pytest.fixture(params=SCHEMAS)
async def service(request: pytest.FixtureRequest, postgres_database: Any) -> AsyncIterator[tuple[str, Any]]:
    connection = await asyncpg.connect(postgres_database.role_url(request.param))
    yield request.param, connection
    await connection.close()


async def test_what_is_granted_is_what_is_listed(postgres_database: Any) -> None:
    connection = await asyncpg.connect(postgres_database.url)
    rows = await connection.fetch(GRANTED)
    open_to_all = await connection.fetch(OPEN_TO_ALL, [*SCHEMAS, "audit"])
    await connection.close()
    listed = [line for line in GRANTS.read_text().splitlines() if not line.startswith("#")]
    assert sorted(f"{row['thing']} {row['rights']}" for row in rows) == sorted(listed)
    assert {row["grantee"] for row in rows if row["grantee"] != role_of(row["thing"].split(".")[0])} == set()
    assert [row[0] for row in open_to_all if not row[0].startswith("audit.")] == []  # nobody enters schema audit


async def test_a_role_is_not_mighty_owns_nothing_and_belongs_to_none(service: Any) -> None:
    schema, connection = service
    assert dict(await connection.fetchrow(ATTRIBUTES, role_of(schema))) == {
        "is_mighty": False,
        "memberships": 0,
        "owned": 0,
    }


async def test_a_role_is_refused_everything_in_the_schemas_of_others(service: Any) -> None:
    schema, connection = service
    others = [other for other in (*SCHEMAS, "audit") if other != schema]
    tables = [row["name"] for row in await connection.fetch(TABLES, others)]
    assert len(tables) > 20
    for statement, table in itertools.product(FOREIGN, tables):
        await refused(connection, statement.format(table))


async def test_a_role_defines_nothing_and_leaves_its_place_by_no_door(service: Any) -> None:
    schema, connection = service
    other = next(role_of(known) for known in SCHEMAS if known != schema)
    for statement in DEFINITIONS:
        await refused(connection, statement.format(schema=schema, role=role_of(schema), other=other))


async def refused(connection: asyncpg.Connection, statement: str) -> None:
    try:
        await connection.execute(statement)
    except asyncpg.InsufficientPrivilegeError:
        return
    pytest.fail(f"not refused: {statement}")
