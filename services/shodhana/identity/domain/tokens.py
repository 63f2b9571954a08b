"""Access tokens: what they say and how long they hold."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .accounts import Accounts, CredentialsInvalid, ServiceAccount, User, secret_matches
from .roles import permissions_of


class Signer(Protocol):
    """Holds the private key."""

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A compact JWT of the claims."""
        ...

    def public_keys(self) -> list[dict[str, str]]:
        """The JWK set's keys, without private parts."""
        ...


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A signed token and its end in seconds since 1970."""

    text: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class TokenPolicy:
    """Issuer, audience and life of the tokens."""

    issuer: str
    audience: str
    lifetime_s: int
    user_lifetime_s: int = 300
    """Of a person's: what an administrator takes away holds no longer than that."""


class TokenIssuer:
    """Exchanges secrets for tokens."""

    def __init__(
        self, accounts: Accounts, signer: Signer, policy: TokenPolicy, clock: Callable[[], float] = time.time
    ) -> None:
        self._accounts = accounts
        self._signer = signer
        self._policy = policy
        self._clock = clock

    async def issue(self, client_id: str, client_secret: str) -> AccessToken:
        """A token for a service account. Raises CredentialsInvalid."""
        account = await self._accounts.service_account(client_id)
        if account is None or not secret_matches(account, client_secret):
            raise CredentialsInvalid("client id and secret do not match a service account")
        return self.token_for(account)

    def token_for(self, account: ServiceAccount) -> AccessToken:
        """A token that carries the account's roles and permissions."""
        return self._token((account.subject, account.account_id), account.roles, self._policy.lifetime_s)

    def token_for_user(self, user: User) -> AccessToken:
        """A token that carries the user's roles and permissions as of now."""
        return self._token((user.subject, user.display_name or user.email), user.roles, self._policy.user_lifetime_s)

    def _token(self, bearer: tuple[str, str], roles: Sequence[str], lifetime_s: int) -> AccessToken:
        """`bearer` is a subject and its name for a reader."""
        now = int(self._clock())
        expires_at = now + lifetime_s
        subject, name = bearer
        claims = {
            "iss": self._policy.issuer,
            "aud": self._policy.audience,
            "sub": subject,
            "name": name,
            "roles": list(roles),
            "permissions": sorted(permissions_of(roles)),
            "iat": now,
            "exp": expires_at,
            "jti": uuid.uuid4().hex,
        }
        return AccessToken(self._signer.sign(claims), expires_at)

    def public_keys(self) -> list[dict[str, str]]:
        """The keys that the tokens verify with."""
        return self._signer.public_keys()
