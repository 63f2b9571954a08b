"""What stands where a deployment has no provider, or no place for sessions: it says so when it is asked."""

from __future__ import annotations

from typing import Any, NoReturn

from shodhana.errors import FailedPrecondition

from .accounts import ProvenIdentity
from .logins import Question
from .vault import Record


class LoginNotConfigured(FailedPrecondition):
    """People cannot log in here; service accounts can."""

    reason = "CAPABILITY_DISABLED"


class NoProvider:
    """The port `Provider` of a deployment without one."""

    async def authorization_url(self, question: Question) -> str:
        _refuse("OIDC_ISSUER")

    async def redeem(self, code: str, question: Question) -> ProvenIdentity:
        _refuse("OIDC_ISSUER")

    def check_issuer(self, issuer: str | None) -> None:
        _refuse("OIDC_ISSUER")


class NoVault:
    """The port `Vault` of a deployment without one."""

    async def put(self, kind: str, key: str, record: Record, life_s: float) -> None:
        _refuse("REDIS_URL")

    async def get(self, kind: str, key: str, life_s: float | None = None) -> dict[str, Any] | None:
        _refuse("REDIS_URL")

    async def take(self, kind: str, key: str) -> dict[str, Any] | None:
        _refuse("REDIS_URL")

    async def swap(self, kind: str, key: str, old: Record, new: Record, life_s: float) -> bool:
        _refuse("REDIS_URL")

    async def drop(self, kind: str, key: str) -> None:
        _refuse("REDIS_URL")

    async def count(self, kind: str, key: str, window_s: float) -> int:
        _refuse("REDIS_URL")


def _refuse(setting: str) -> NoReturn:
    raise LoginNotConfigured(f"people cannot log in here: {setting} is not set")
