"""Sessions of browsers: how long they hold, and what ends them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from shodhana.errors import PermissionDenied, Unauthenticated

from .accounts import AccountNotFound, Accounts, User
from .vault import Vault, new_key

KIND = "session"


class SessionEnded(Unauthenticated):
    """No such session, or no more."""

    reason = "SESSION_ENDED"


class CsrfTokenInvalid(PermissionDenied):
    """A write did not show the token of its session."""

    reason = "CSRF_TOKEN_INVALID"


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """Lives in seconds: without a call, and at most."""

    idle_s: float
    absolute_s: float


@dataclass(frozen=True, slots=True)
class Session:
    """A log-in of a user; it holds as long as the user's epoch is the one it was made in."""

    user_id: int
    epoch: int
    csrf_token: str
    expires_at: float
    """In seconds since 1970, however much it is used."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is behind a session."""

    user: User
    session: Session


class Sessions:
    """Opens, finds and closes sessions; a session's id is known to its browser alone."""

    def __init__(
        self, vault: Vault, accounts: Accounts, policy: SessionPolicy, clock: Callable[[], float] = time.time
    ) -> None:
        self._vault = vault
        self._accounts = accounts
        self._policy = policy
        self._clock = clock

    async def open(self, user: User, replaced: str = "") -> tuple[str, Session]:
        """A new session under an id that nobody could know before; the `replaced` one ends."""
        if replaced:
            await self.close(replaced)
        session = Session(user.user_id, user.epoch, new_key(), self._clock() + self._policy.absolute_s)
        key = new_key()
        await self._vault.put(KIND, key, asdict(session), min(self._policy.idle_s, self._policy.absolute_s))
        return key, session

    async def find(self, key: str) -> Visitor:
        """Who is behind an id; the session was used then. Raises SessionEnded."""
        record = await self._vault.get(KIND, key, self._policy.idle_s) if key else None
        if record is None:
            raise SessionEnded("there is no such session: log in")
        session = Session(**record)
        if session.expires_at <= self._clock():
            await self.close(key)
            raise SessionEnded("the session has reached its end: log in again")
        return Visitor(await holder(self._accounts, session.user_id, session.epoch), session)

    async def close(self, key: str) -> None:
        """Ends a session, if there is one."""
        await self._vault.drop(KIND, key)


async def holder(accounts: Accounts, user_id: int, epoch: int) -> User:
    """The user as of now. Raises SessionEnded where all sessions of that epoch were ended, or the user is barred."""
    try:
        user = await accounts.user(user_id)
    except AccountNotFound as error:
        raise SessionEnded("the user is no more") from error
    if user.epoch != epoch:
        raise SessionEnded("all sessions were ended: log in again")
    if user.disabled:
        raise SessionEnded("the user is barred from logging in")
    return user
