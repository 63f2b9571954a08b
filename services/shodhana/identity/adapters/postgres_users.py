"""Rows of users."""

from __future__ import annotations

import asyncpg

from ..domain.accounts import AccountNotFound, User

USER = "user_id, email, display_name, roles, disabled, created_at, epoch, last_login_at"


def user_of(row: asyncpg.Record) -> User:
    """A row with the columns USER."""
    return User(
        user_id=row["user_id"],
        email=row["email"],
        display_name=row["display_name"],
        roles=tuple(row["roles"]),
        disabled=row["disabled"],
        created_at=row["created_at"],
        epoch=row["epoch"],
        last_login_at=row["last_login_at"],
    )


def found_user(row: asyncpg.Record | None, user_id: int) -> asyncpg.Record:
    """The row. Raises AccountNotFound where there is none."""
    if row is None:
        raise AccountNotFound(f"no user users/{user_id}")
    return row
