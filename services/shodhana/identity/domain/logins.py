"""Logging in at an OpenID provider: authorization code with PKCE."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from shodhana.errors import PermissionDenied, Unauthenticated

from .accounts import Accounts, ProvenIdentity, User
from .roles import ROLES
from .vault import Vault, new_key

KIND = "login"
LIFE_S = 600
"""To type a password and a second factor."""
MAX_RETURN_TO = 2000


class LoginRefused(Unauthenticated):
    """The provider's answer does not hold, or is no answer to a question of ours."""

    reason = "LOGIN_REFUSED"


class NotAdmitted(PermissionDenied):
    """The provider knows the person, and they may not log in here."""

    reason = "LOGIN_REFUSED"


@dataclass(frozen=True, slots=True)
class Question:
    """What a provider is asked with; `verifier` is what the challenge is made of."""

    state: str
    nonce: str
    verifier: str


class Provider(Protocol):
    """An OpenID provider."""

    async def authorization_url(self, question: Question) -> str:
        """Where to send the browser. Raises Unavailable."""
        ...

    async def redeem(self, code: str, question: Question) -> ProvenIdentity:
        """Who the provider says it was. Raises LoginRefused or Unavailable."""
        ...

    def check_issuer(self, issuer: str | None) -> None:
        """Raises LoginRefused where an answer comes from another provider (RFC 9207)."""
        ...


@dataclass(frozen=True, slots=True)
class Admission:
    """Who becomes the first administrator: the first of these, by verified address, while nobody is one."""

    first_admins: frozenset[str] = frozenset()


class LogIn:
    """Sends a browser to the provider and takes it back."""

    def __init__(self, provider: Provider, vault: Vault, accounts: Accounts, admission: Admission) -> None:
        self._provider = provider
        self._vault = vault
        self._accounts = accounts
        self._admission = admission

    async def begin(self, browser: str, return_to: str) -> str:
        """The provider's address for one log-in; `browser` is a secret that the browser keeps meanwhile."""
        question = Question(new_key(), new_key(), new_key())
        url = await self._provider.authorization_url(question)
        record = {"browser": browser, "nonce": question.nonce, "verifier": question.verifier}
        await self._vault.put(KIND, question.state, {**record, "return_to": own_page(return_to)}, LIFE_S)
        return url

    async def finish(self, browser: str, answer: Mapping[str, str]) -> tuple[User, str]:
        """Who logged in, and where the browser wanted to go.

        Raises LoginRefused for a state that is unknown, was used, or belongs to another browser, and for a code, a
        token or a nonce that does not hold; NotAdmitted.
        """
        state = answer.get("state", "")
        record = await self._vault.take(KIND, state) if state else None
        if record is None:
            raise LoginRefused("this log-in is unknown, took too long, or was finished before")
        if not browser or not hmac.compare_digest(record["browser"].encode(), browser.encode()):
            raise LoginRefused("this log-in was begun in another browser")
        self._provider.check_issuer(answer.get("iss"))
        if "code" not in answer:
            raise LoginRefused("the provider did not log you in")
        question = Question(state, record["nonce"], record["verifier"])
        return await self._admit(await self._provider.redeem(answer["code"], question)), record["return_to"]

    async def _admit(self, proven: ProvenIdentity) -> User:
        if not proven.email:
            raise NotAdmitted("the provider vouches for no e-mail address of yours")
        may_be_first = proven.email in self._admission.first_admins
        roles = tuple(sorted(role for role in proven.roles if role in ROLES))
        user = await self._accounts.log_in(proven, roles, may_be_first)
        if user is None:
            raise NotAdmitted("another account has your e-mail address: ask an administrator")
        if user.disabled:
            raise NotAdmitted("an administrator has barred you from logging in")
        return user


def own_page(path: str) -> str:
    """A path of this site to go to; "/" in place of what leads elsewhere."""
    is_ours = path.startswith("/") and not path.startswith("//") and "\\" not in path
    return path if is_ours and path.isascii() and path.isprintable() and len(path) <= MAX_RETURN_TO else "/"
