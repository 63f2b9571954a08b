"""Service accounts and users in schema `identity`."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from shodhana.runtime.audit import transaction_of_caller
from shodhana.runtime.postgres import Connection

from ..domain.accounts import (
    AccountExists,
    AccountNotFound,
    LastAdministrator,
    ProvenIdentity,
    RequestIdReused,
    ServiceAccount,
    User,
    UserChange,
)
from . import postgres_logins
from .postgres_users import USER, found_user, user_of

ACCOUNT = "account_id, roles, secret_hash, created_at"
# Locked, so that no two who take the role from each other both succeed.
ADMINISTRATORS = "SELECT FROM users WHERE 'admin' = ANY (roles) AND NOT disabled ORDER BY user_id FOR UPDATE"


class PostgresAccounts:
    """The port `Accounts` over a pool whose search path is schema `identity`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def service_account(self, account_id: str) -> ServiceAccount | None:
        row = await self._pool.fetchrow(f"SELECT {ACCOUNT} FROM service_accounts WHERE account_id = $1", account_id)
        return _account(row) if row else None

    async def add_service_account(self, account_id: str, roles: Sequence[str], secret_hash: bytes) -> ServiceAccount:
        async with transaction_of_caller(self._pool) as connection:
            row = await connection.fetchrow(
                f"INSERT INTO service_accounts (account_id, roles, secret_hash) VALUES ($1, $2, $3) "
                f"ON CONFLICT DO NOTHING RETURNING {ACCOUNT}",
                *(account_id, list(roles), secret_hash),
            )
        if row is None:
            raise AccountExists(f"service account {account_id!r} exists")
        return _account(row)

    async def put_service_account(self, account_id: str, roles: Sequence[str], secret_hash: bytes) -> None:
        await self._pool.execute(
            "INSERT INTO service_accounts (account_id, roles, secret_hash) VALUES ($1, $2, $3) "
            "ON CONFLICT (account_id) DO UPDATE SET roles = excluded.roles, secret_hash = excluded.secret_hash",
            *(account_id, list(roles), secret_hash),
        )

    async def list_service_accounts(self, after: str, limit: int) -> list[ServiceAccount]:
        rows = await self._pool.fetch(
            f"SELECT {ACCOUNT} FROM service_accounts WHERE account_id > $1 ORDER BY account_id LIMIT $2", after, limit
        )
        return [_account(row) for row in rows]

    async def delete_service_account(self, account_id: str, request_id: str | None) -> None:
        async with transaction_of_caller(self._pool) as connection:
            if await _was_handled(connection, request_id, f"delete serviceAccounts/{account_id}"):
                return
            status = await connection.execute("DELETE FROM service_accounts WHERE account_id = $1", account_id)
            if status == "DELETE 0":
                raise AccountNotFound(f"no service account {account_id!r}")

    async def add_user(self, email: str, display_name: str, roles: Sequence[str], request_id: str | None) -> User:
        async with transaction_of_caller(self._pool) as connection:
            row = await connection.fetchrow(
                f"INSERT INTO users (email, display_name, roles, request_id) VALUES ($1, $2, $3, $4) "
                f"ON CONFLICT DO NOTHING RETURNING {USER}",
                *(email, display_name, list(roles), request_id),
            )
        if row is None and request_id is not None:
            row = await self._pool.fetchrow(f"SELECT {USER} FROM users WHERE request_id = $1", request_id)
            if row is not None and row["email"] != email:
                raise RequestIdReused("the request id was used for another user")
        if row is None:
            raise AccountExists(f"a user with address {email!r} exists")
        return user_of(row)

    async def user(self, user_id: int) -> User:
        row = await self._pool.fetchrow(f"SELECT {USER} FROM users WHERE user_id = $1", user_id)
        return user_of(found_user(row, user_id))

    async def display_names(self, user_ids: Sequence[int]) -> dict[int, str]:
        query = "SELECT user_id, display_name FROM users WHERE user_id = ANY ($1)"
        return {row["user_id"]: row["display_name"] for row in await self._pool.fetch(query, list(user_ids))}

    async def list_users(self, after: str, limit: int) -> list[User]:
        rows = await self._pool.fetch(
            f"SELECT {USER} FROM users WHERE email > $1 ORDER BY email LIMIT $2", after, limit
        )
        return [user_of(row) for row in rows]

    async def change_user(self, user_id: int, change: UserChange, request_id: str | None) -> User:
        async with transaction_of_caller(self._pool) as connection:
            if await _was_handled(connection, request_id, f"update users/{user_id}"):
                change = UserChange()
            administrators = await connection.fetch(ADMINISTRATORS)
            row = await connection.fetchrow(
                f"UPDATE users SET display_name = coalesce($2, display_name), roles = coalesce($3, roles), "
                f"disabled = coalesce($4, disabled) WHERE user_id = $1 RETURNING {USER}",
                *(user_id, change.display_name, change.roles, change.disabled),
            )
            await _check_administrators(connection, administrators)
            return user_of(found_user(row, user_id))

    async def grant_role(self, user_id: int, role: str, request_id: str | None) -> User:
        added = "array(SELECT DISTINCT unnest(roles || ARRAY[$2]::text[]) ORDER BY 1)"
        return await self._set_roles(user_id, role, added, (request_id, f"grant users/{user_id}"))

    async def revoke_role(self, user_id: int, role: str, request_id: str | None) -> User:
        return await self._set_roles(user_id, role, "array_remove(roles, $2)", (request_id, f"revoke users/{user_id}"))

    async def _set_roles(self, user_id: int, role: str, roles: str, write: tuple[str | None, str]) -> User:
        request_id, target = write
        async with transaction_of_caller(self._pool) as connection:
            if await _was_handled(connection, request_id, f"{target} {role}"):
                query = f"SELECT {USER} FROM users WHERE user_id = $1"
                return user_of(found_user(await connection.fetchrow(query, user_id), user_id))
            administrators = await connection.fetch(ADMINISTRATORS)
            query = f"UPDATE users SET roles = {roles} WHERE user_id = $1 RETURNING {USER}"
            row = await connection.fetchrow(query, user_id, role)
            await _check_administrators(connection, administrators)
            return user_of(found_user(row, user_id))

    async def end_sessions(self, user_id: int, request_id: str | None) -> None:
        async with transaction_of_caller(self._pool) as connection:
            if await _was_handled(connection, request_id, f"log out users/{user_id}"):
                return
            query = "UPDATE users SET epoch = epoch + 1 WHERE user_id = $1 RETURNING user_id"
            found_user(await connection.fetchrow(query, user_id), user_id)

    async def log_in(self, proven: ProvenIdentity, first_roles: Sequence[str], may_be_first_admin: bool) -> User | None:
        async with transaction_of_caller(self._pool) as connection:
            return await postgres_logins.log_in(connection, proven, first_roles, may_be_first_admin)


async def _check_administrators(connection: Connection, before: Sequence[asyncpg.Record]) -> None:
    """Raises LastAdministrator where there was an administrator and is none now."""
    if before and not await connection.fetch(ADMINISTRATORS):
        raise LastAdministrator


async def _was_handled(connection: Connection, request_id: str | None, target: str) -> bool:
    """Whether this write was done before; where not, notes it. Raises RequestIdReused."""
    if request_id is None:
        return False
    inserted = await connection.fetchval(
        "INSERT INTO requests (request_id, target) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING true",
        *(request_id, target),
    )
    if inserted:
        return False
    if await connection.fetchval("SELECT target FROM requests WHERE request_id = $1", request_id) != target:
        raise RequestIdReused("the request id was used for another write")
    return True


def _account(row: asyncpg.Record) -> ServiceAccount:
    return ServiceAccount(row["account_id"], tuple(row["roles"]), row["secret_hash"], row["created_at"])
