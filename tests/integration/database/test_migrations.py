"""The migrations: there and back, and what the roles they make may reach."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from shodhana.stack.migrations import SCHEMAS, migrate
from shodhana.stack.places import MIGRATIONS

COUNT = len(list(MIGRATIONS.glob("*.sql")))


@pytest.fixture
def empty_database(postgres_server: Any) -> Iterator[str]:
    """The URL of a database without anything."""
    name = f"test_{uuid.uuid4().hex}"
    maintenance = postgres_server.url_of("shodhana", postgres_server.password, "postgres")
    asyncio.run(execute(maintenance, f"CREATE DATABASE {name} TEMPLATE template0"))
    yield postgres_server.url_of("shodhana", postgres_server.password, name)
    asyncio.run(execute(maintenance, f"DROP DATABASE {name} WITH (FORCE)"))


def test_every_migration_can_be_taken_back_and_applied_again(empty_database: str) -> None:
    migrate(empty_database)
    first = asyncio.run(shape(empty_database))
    assert {row[0] for row in first} == {*SCHEMAS, "audit"}
    for _ in range(COUNT):
        dbmate(empty_database, "rollback")
    assert asyncio.run(shape(empty_database)) == []
    migrate(empty_database)
    assert asyncio.run(shape(empty_database)) == first


def test_migrating_again_changes_nothing(empty_database: str) -> None:
    migrate(empty_database)
    first = asyncio.run(shape(empty_database))
    migrate(empty_database)
    assert asyncio.run(shape(empty_database)) == first


@pytest.mark.parametrize("schema", SCHEMAS)
async def test_a_role_reaches_its_own_schema_alone(postgres_database: Any, schema: str) -> None:
    connection = await asyncpg.connect(postgres_database.role_url(schema))
    usable = await connection.fetch(
        "SELECT nspname FROM pg_namespace WHERE nspname = ANY($1) AND has_schema_privilege(oid, 'USAGE')", list(SCHEMAS)
    )
    makes = await connection.fetchval(
        "SELECT count(*) FROM pg_namespace WHERE nspname = ANY($1) AND has_schema_privilege(oid, 'CREATE')",
        [*SCHEMAS, "public"],
    )
    rights = await connection.fetchrow("SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = user")
    await connection.close()
    assert [row["nspname"] for row in usable] == [schema]
    assert makes == 0
    assert list(rights.values()) == [False] * 3


async def test_vectors_are_half_precision_in_a_partition_a_domain_each_with_its_hnsw_index(
    postgres_database: Any,
) -> None:
    connection = await asyncpg.connect(postgres_database.url)
    rows = await connection.fetch(
        "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'similarity' AND indexname LIKE '%hnsw'"
    )
    kind = await connection.fetchval(
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute "
        "WHERE attrelid = 'similarity.semantic_embeddings'::regclass AND attname = 'embedding'"
    )
    await connection.close()
    assert {row["tablename"].removeprefix("semantic_embeddings_") for row in rows} == {
        "spiritual",
        "philosophical",
        "scriptural",
        "general",
    }
    for row in rows:
        assert "halfvec_cosine_ops" in row["indexdef"]
        assert "m='16', ef_construction='128'" in row["indexdef"]
    assert kind == "halfvec(384)"


async def test_what_is_once_in_the_lexicon_cannot_be_changed_by_the_service(postgres_database: Any) -> None:
    connection = await asyncpg.connect(postgres_database.role_url("similarity"))
    for table in ("lexicon_entry", "version_entry", "semantic_embeddings"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"DELETE FROM similarity.{table}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("UPDATE similarity.lexicon_entry SET gloss = ''")
    await connection.close()


async def shape(url: str) -> list[tuple[str, ...]]:
    """Every column, index, constraint and routine of ours."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(_SHAPE, [*SCHEMAS, "audit"])
    await connection.close()
    return [tuple(row.values()) for row in rows]


def dbmate(url: str, verb: str) -> None:
    program = Path(sys.executable).parent / "dbmate"
    command = [program, "--migrations-dir", MIGRATIONS, "--no-dump-schema", verb]
    done = subprocess.run(
        command, env={"DATABASE_URL": f"{url}?sslmode=disable"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


_SHAPE = """
SELECT * FROM (
    SELECT nspname::text, relname::text, attname::text, format_type(atttypid, atttypmod) AS what
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT schemaname, tablename, indexname, indexdef FROM pg_indexes
    UNION ALL
    SELECT nspname, conrelid::regclass::text, conname, pg_get_constraintdef(pg_constraint.oid)
    FROM pg_constraint JOIN pg_namespace ON pg_namespace.oid = connamespace
    UNION ALL
    SELECT nspname, proname, '', pg_get_functiondef(pg_proc.oid)
    FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace WHERE prokind = 'f'
) AS found WHERE nspname = ANY($1) ORDER BY 1, 2, 3, 4
"""
