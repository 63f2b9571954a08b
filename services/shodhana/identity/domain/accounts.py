"""Service accounts and users."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shodhana.errors import AlreadyExists, FailedPrecondition, NotFound, Unauthenticated


class CredentialsInvalid(Unauthenticated):
    """Client id and secret do not match; which of the two is wrong is not said."""

    reason = "CREDENTIALS_INVALID"


class AccountNotFound(NotFound):
    """No service account or user of that name."""


class AccountExists(AlreadyExists):
    """A service account of that id, or a user of that address, exists."""


class RequestIdReused(AlreadyExists):
    """The same request id was used before for something else."""

    reason = "REQUEST_ID_REUSED"


class LastAdministrator(FailedPrecondition):
    """Nobody else could give the role back."""

    def __init__(self) -> None:
        super().__init__("this is the last user with role admin: give it to another one first")


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A program that calls; its secret is kept as a hash only."""

    account_id: str
    roles: tuple[str, ...]
    secret_hash: bytes
    created_at: datetime

    @property
    def subject(self) -> str:
        return f"serviceAccounts/{self.account_id}"


@dataclass(frozen=True, slots=True)
class User:
    """A person."""

    user_id: int
    email: str
    display_name: str
    roles: tuple[str, ...]
    disabled: bool
    created_at: datetime
    epoch: int = 0
    """Counts how often all sessions were ended: those of an earlier epoch hold no more."""
    last_login_at: datetime | None = None

    @property
    def subject(self) -> str:
        return f"users/{self.user_id}"


@dataclass(frozen=True, slots=True)
class ProvenIdentity:
    """Who a provider says it was."""

    issuer: str
    subject: str
    email: str
    """Empty where the provider does not vouch for one."""
    display_name: str
    roles: tuple[str, ...] = ()
    """As the provider lists them, known here or not."""


@dataclass(frozen=True, slots=True)
class UserChange:
    """New values of a user's fields; None leaves a field as it is."""

    display_name: str | None = None
    roles: tuple[str, ...] | None = None
    disabled: bool | None = None


class Accounts(Protocol):
    """Where service accounts and users are kept.

    A write with a `request_id` is done once; repeated, it answers as it did. Raises RequestIdReused where the id came
    with something else, and LastAdministrator where no user would be one any more.
    """

    async def service_account(self, account_id: str) -> ServiceAccount | None: ...

    async def add_service_account(
        self, account_id: str, roles: Sequence[str], secret_hash: bytes
    ) -> ServiceAccount: ...

    async def put_service_account(self, account_id: str, roles: Sequence[str], secret_hash: bytes) -> None: ...

    async def list_service_accounts(self, after: str, limit: int) -> list[ServiceAccount]: ...

    async def delete_service_account(self, account_id: str, request_id: str | None) -> None: ...

    async def add_user(self, email: str, display_name: str, roles: Sequence[str], request_id: str | None) -> User: ...

    async def user(self, user_id: int) -> User: ...

    async def display_names(self, user_ids: Sequence[int]) -> dict[int, str]:
        """By user; who is not there is left out."""
        ...

    async def list_users(self, after: str, limit: int) -> list[User]: ...

    async def change_user(self, user_id: int, change: UserChange, request_id: str | None) -> User: ...

    async def grant_role(self, user_id: int, role: str, request_id: str | None) -> User: ...

    async def revoke_role(self, user_id: int, role: str, request_id: str | None) -> User: ...

    async def end_sessions(self, user_id: int, request_id: str | None) -> None:
        """Begins a new epoch of the user."""
        ...

    async def log_in(self, proven: ProvenIdentity, first_roles: Sequence[str], may_be_first_admin: bool) -> User | None:
        """The user whom the provider means: known by issuer and subject, or else new.

        One whom an administrator added under the same address is theirs from their first log-in on; a new one gets
        `first_roles`. One who may be the first administrator becomes it while nobody is one. None where another
        identity logs in under that address.
        """
        ...


def new_secret() -> str:
    """A secret of 256 random bits, as text."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> bytes:
    """SHA-256: secrets are random, not chosen by people, so a slow hash would add nothing but latency."""
    return hashlib.sha256(secret.encode()).digest()


def secret_matches(account: ServiceAccount | None, secret: str) -> bool:
    """Compares in constant time, also where there is no such account."""
    expected = account.secret_hash if account else bytes(hashlib.sha256().digest_size)
    return hmac.compare_digest(expected, hash_secret(secret)) and account is not None
