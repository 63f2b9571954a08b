"""Who logs in: the user of an issuer and subject, known, awaited or new."""

from __future__ import annotations

from collections.abc import Sequence

from shodhana.runtime.audit import act_for
from shodhana.runtime.postgres import Connection

from ..domain.accounts import ProvenIdentity, User
from .postgres_users import USER, found_user, user_of

LOCK = "SELECT pg_advisory_xact_lock(hashtext('identity.log_in'))"
"""One log-in at a time: two at once could both be new, or both be the first administrator."""
BY_LOGIN = "SELECT user_id FROM user_logins WHERE issuer = $1 AND subject = $2"
AWAITED = """
SELECT user_id FROM users
WHERE lower(email) = lower($1) AND NOT EXISTS (SELECT FROM user_logins WHERE user_logins.user_id = users.user_id)
"""
ADD = """
INSERT INTO users (email, display_name, roles) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING user_id
"""
NOTE = f"""
UPDATE users SET
  last_login_at = now(),
  display_name = coalesce(nullif(display_name, ''), $2),
  roles = CASE WHEN $3 AND NOT EXISTS (SELECT FROM users WHERE 'admin' = ANY (roles) AND NOT disabled)
    THEN array(SELECT DISTINCT unnest(roles || ARRAY['admin']) ORDER BY 1) ELSE roles END
WHERE user_id = $1
RETURNING {USER}
"""


async def log_in(
    connection: Connection, proven: ProvenIdentity, first_roles: Sequence[str], may_be_first_admin: bool
) -> User | None:
    """As the port `Accounts` says; in a transaction."""
    await connection.execute(LOCK)
    user_id = await connection.fetchval(BY_LOGIN, proven.issuer, proven.subject)
    is_known = user_id is not None
    if not is_known:
        user_id = await connection.fetchval(AWAITED, proven.email)
        if user_id is None:
            user_id = await connection.fetchval(ADD, proven.email, proven.display_name, list(first_roles))
        if user_id is None:
            return None
    await act_for(connection, f"users/{user_id}")
    if not is_known:
        await connection.execute(
            "INSERT INTO user_logins (issuer, subject, user_id) VALUES ($1, $2, $3)",
            *(proven.issuer, proven.subject, user_id),
        )
    row = await connection.fetchrow(NOTE, user_id, proven.display_name, may_be_first_admin)
    return user_of(found_user(row, user_id))
