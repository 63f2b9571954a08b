"""Access tokens for calls: of a program by its secret, of a person by their log-in."""

from __future__ import annotations

import time
from typing import Any, Protocol

from shodhana.api.identity.v1 import identity_pb2 as pb

from .logins import StoredLogin, Tokens
from .profile import NotLoggedIn, Profile

RENEWED_AT = 2 / 3
"""Of a token's life."""
MARGIN_S = 60
"""Of a person's, which lives for minutes: a call may last so long with it."""


class AccessToken(Protocol):
    """A token, renewed before it ends."""

    @property
    def call(self) -> str:
        """The RPC of IdentityService that gives a new one."""
        ...

    @property
    def request(self) -> Any:
        """What to call it with."""
        ...

    def held(self) -> str:
        """The token; empty where a new one is due."""
        ...

    def keep(self, answer: Any) -> str:
        """Takes the answer of the call; gives the token."""
        ...

    def forget(self) -> None:
        """The token was refused: a new one is due."""
        ...

    def acquire(self) -> None:
        """Waits until nobody else renews it."""
        ...

    def release(self) -> None:
        """Lets others renew it."""
        ...


def access_token(profile: Profile) -> AccessToken:
    """Of whoever is logged in at the gateway, else of the profile's service account. Raises NotLoggedIn."""
    if stored := StoredLogin.of(profile.gateway):
        return LoginToken(stored)
    if profile.client_id:
        return ServiceAccountToken(profile)
    raise NotLoggedIn(f"nobody is logged in at {profile.gateway}: shodhana auth login")


class ServiceAccountToken:
    """The token of a service account."""

    call = "IssueToken"

    def __init__(self, profile: Profile) -> None:
        self.request = pb.IssueTokenRequest(client_id=profile.client_id, client_secret=profile.client_secret)
        self._text = ""
        self._renew_at = 0.0

    def held(self) -> str:
        return self._text if time.time() < self._renew_at else ""

    def keep(self, answer: pb.IssueTokenResponse) -> str:
        now = time.time()
        self._text = answer.access_token
        self._renew_at = now + (answer.expire_time.seconds - now) * RENEWED_AT
        return self._text

    def forget(self) -> None:
        self._renew_at = 0.0

    def acquire(self) -> None:
        return

    def release(self) -> None:
        return


class LoginToken:
    """The token of a person, which other commands renew too."""

    call = "RefreshLogin"

    def __init__(self, stored: StoredLogin) -> None:
        self._stored = stored
        self._refused = ""

    @property
    def request(self) -> pb.RefreshLoginRequest:
        tokens = self._stored.read()
        return pb.RefreshLoginRequest(refresh_token=tokens.refresh_token if tokens else "-")

    def held(self) -> str:
        tokens = self._stored.read()
        if tokens is None or tokens.access_token == self._refused:
            return ""
        return tokens.access_token if time.time() < tokens.expires_at - MARGIN_S else ""

    def keep(self, answer: pb.LoginTokens) -> str:
        self._stored.write(tokens_of(answer))
        return answer.access_token

    def forget(self) -> None:
        tokens = self._stored.read()
        self._refused = tokens.access_token if tokens else ""

    def acquire(self) -> None:
        self._stored.acquire()

    def release(self) -> None:
        self._stored.release()


def tokens_of(answer: pb.LoginTokens) -> Tokens:
    """What is kept of an answer."""
    return Tokens(
        answer.access_token,
        float(answer.expire_time.seconds),
        answer.refresh_token,
        float(answer.login_expire_time.seconds),
    )
