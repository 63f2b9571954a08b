"""Logging in with a tool: a code brought to its loopback address, a device code, and the tokens that follow."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

from shodhana.errors import FailedPrecondition, FieldViolation, InvalidInput, ResourceExhausted

from .accounts import Accounts, User
from .logins import LoginRefused
from .sessions import SessionEnded, holder
from .vault import Record, Vault, new_key

CODE, DEVICE, USER_CODE, GRANT = "code", "device", "user_code", "grant"
POLL, GUESS = "poll", "guess"
CODE_S = 60
DEVICE_S = 900
INTERVAL_S = 5
LEEWAY_S = 30
"""A refresh token used twice within it was sent again, because its answer was lost."""
MAX_GUESSES, GUESSING_S = 10, 600
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowels, no words (RFC 8628, 6.1)."""
LOOPBACK = re.compile(r"http://(127\.0\.0\.1|\[::1\]):[0-9]{1,5}/callback")
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


class LoginPending(FailedPrecondition):
    """Nobody has confirmed the device code yet."""

    reason = "LOGIN_PENDING"


class AskedTooSoon(ResourceExhausted):
    """A device asks more often than it was told, or a person tries many codes."""


@dataclass(frozen=True, slots=True)
class ToolPolicy:
    """Lives of a tool's log-in in seconds: without use, and at most."""

    idle_s: float
    absolute_s: float


@dataclass(frozen=True, slots=True)
class Device:
    """A log-in that waits to be confirmed."""

    device_code: str
    user_code: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class Grant:
    """What a tool holds a refresh token for; of the tokens only hashes are kept."""

    user_id: int
    epoch: int
    expires_at: float
    current: str
    previous: str = ""
    rotated_at: float = 0.0


class ToolLogins:
    """Codes for tools, and the refresh tokens that they are exchanged for.

    A refresh token is "<family>.<secret>": the family stays, the secret changes each time.
    """

    def __init__(
        self, vault: Vault, accounts: Accounts, policy: ToolPolicy, clock: Callable[[], float] = time.time
    ) -> None:
        self._vault = vault
        self._accounts = accounts
        self._policy = policy
        self._clock = clock

    async def code_for(self, user: User, challenge: str, redirect_uri: str) -> str:
        """A code for the tool that listens at a loopback address and made the challenge (S256).

        Raises InvalidInput for an address that is not one of this machine, or a challenge that is none.
        """
        check_request(challenge, redirect_uri)
        code = new_key()
        record = {"user_id": user.user_id, "epoch": user.epoch, "challenge": challenge, "redirect_uri": redirect_uri}
        await self._vault.put(CODE, code, record, CODE_S)
        return code

    async def redeem_code(self, code: str, verifier: str, redirect_uri: str) -> tuple[User, str, Grant]:
        """User, refresh token and grant for a code, once. Raises LoginRefused, SessionEnded.

        A code used again was stolen or leaked: what it was exchanged for ends.
        """
        record = await self._vault.take(CODE, code)
        if record is None:
            await self._vault.drop(GRANT, family_of(code))
            raise LoginRefused("the code does not hold: it is unknown, too old, or was used before")
        is_verified = hmac.compare_digest(challenge_of(verifier), record["challenge"])
        if not is_verified or redirect_uri != record["redirect_uri"]:
            raise LoginRefused("the code was made for another tool")
        return await self._granted(code, record)

    async def start_device(self, name: str) -> Device:
        """A device that waits for a person to confirm its code."""
        device = Device(new_key(), new_user_code(), self._clock() + DEVICE_S)
        await self._vault.put(DEVICE, device.device_code, {"user_code": device.user_code}, DEVICE_S)
        await self._vault.put(USER_CODE, device.user_code, {"name": name, "user_id": None, "epoch": 0}, DEVICE_S)
        return device

    async def device_name(self, user: User, user_code: str) -> str | None:
        """Where the device with this code runs; None for an unknown code. Raises AskedTooSoon when guessed at."""
        await self._limit_guesses(user)
        record = await self._vault.get(USER_CODE, tidied(user_code))
        return None if record is None or record["user_id"] is not None else str(record["name"])

    async def confirm_device(self, user: User, user_code: str) -> bool:
        """Lets the device with this code act for the user; False for an unknown code. Raises AskedTooSoon."""
        await self._limit_guesses(user)
        record = await self._vault.get(USER_CODE, tidied(user_code))
        if record is None or record["user_id"] is not None:
            return False
        confirmed = {**record, "user_id": user.user_id, "epoch": user.epoch}
        return await self._vault.swap(USER_CODE, tidied(user_code), record, confirmed, DEVICE_S)

    async def redeem_device(self, device_code: str) -> tuple[User, str, Grant]:
        """As `redeem_code`, for a confirmed device. Raises LoginPending, AskedTooSoon, LoginRefused, SessionEnded."""
        if await self._vault.count(POLL, device_code, INTERVAL_S * 0.9) > 1:
            raise AskedTooSoon(f"ask every {INTERVAL_S} seconds", retry_after_s=INTERVAL_S)
        device = await self._vault.get(DEVICE, device_code)
        record = await self._vault.get(USER_CODE, device["user_code"]) if device else None
        if record is not None and record["user_id"] is None:
            raise LoginPending("nobody has confirmed the code yet")
        if record is None or await self._vault.take(DEVICE, device_code) is None:
            raise LoginRefused("the device code does not hold: it is unknown, too old, or was used before")
        return await self._granted(device_code, record)

    async def refresh(self, token: str) -> tuple[User, str, Grant]:
        """User, next token and grant. Raises LoginRefused for a token that is not the newest; SessionEnded."""
        family, _, secret = token.partition(".")
        record = await self._vault.get(GRANT, family)
        if record is None:
            raise LoginRefused("the log-in has ended: log in again")
        old = Grant(**record)
        user = await self._live_user(family, old)
        if not self._holds(old, secret):
            await self._vault.drop(GRANT, family)
            raise LoginRefused("the refresh token was used before: the log-in has ended, log in again")
        following = new_key()
        spent = _hash(secret)
        new = replace(old, current=_hash(following), previous=spent, rotated_at=self._clock())
        if not await self._vault.swap(GRANT, family, asdict(old), asdict(new), self._life_s(new)):
            return await self.refresh(token)  # another call with the same token was quicker
        return user, f"{family}.{following}", new

    async def end(self, token: str) -> None:
        """Ends the log-in of a refresh token, if there is one."""
        await self._vault.drop(GRANT, token.partition(".")[0])

    async def _granted(self, code: str, record: Record) -> tuple[User, str, Grant]:
        user = await holder(self._accounts, record["user_id"], record["epoch"])
        family, secret = family_of(code), new_key()
        grant = Grant(user.user_id, user.epoch, self._clock() + self._policy.absolute_s, _hash(secret))
        await self._vault.put(GRANT, family, asdict(grant), self._life_s(grant))
        return user, f"{family}.{secret}", grant

    async def _live_user(self, family: str, grant: Grant) -> User:
        try:
            if grant.expires_at <= self._clock():
                raise SessionEnded("the log-in has reached its end: log in again")
            return await holder(self._accounts, grant.user_id, grant.epoch)
        except SessionEnded:
            await self._vault.drop(GRANT, family)
            raise

    def _holds(self, grant: Grant, secret: str) -> bool:
        shown = _hash(secret)
        if hmac.compare_digest(shown, grant.current):
            return True
        is_late = self._clock() - grant.rotated_at > LEEWAY_S
        return hmac.compare_digest(shown, grant.previous) and not is_late

    def _life_s(self, grant: Grant) -> float:
        return min(self._policy.idle_s, grant.expires_at - self._clock())

    async def _limit_guesses(self, user: User) -> None:
        if await self._vault.count(GUESS, str(user.user_id), GUESSING_S) > MAX_GUESSES:
            raise AskedTooSoon("too many codes were tried: wait ten minutes", retry_after_s=GUESSING_S)


def check_request(challenge: str, redirect_uri: str) -> None:
    """Raises InvalidInput where what a tool asks for could not be answered to it alone."""
    if not LOOPBACK.fullmatch(redirect_uri):
        message = "must be http://127.0.0.1:PORT/callback"
        raise InvalidInput(f"redirect_uri {message}", [FieldViolation("redirect_uri", message)])
    if not CHALLENGE.fullmatch(challenge):
        message = "must be an S256 challenge"
        raise InvalidInput(f"code_challenge {message}", [FieldViolation("code_challenge", message)])


def family_of(code: str) -> str:
    """The family of the refresh tokens that a code is exchanged for: from a replayed code it is found again."""
    return urlsafe_b64encode(hashlib.sha256(f"family of {code}".encode()).digest()).rstrip(b"=").decode()


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def new_user_code() -> str:
    """ "BCDF-GHJK": 35 bits, for a quarter of an hour and few guesses."""
    letters = "".join(secrets.choice(LETTERS) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


def tidied(user_code: str) -> str:
    """A code as it was made, from what a person typed."""
    letters = "".join(letter for letter in user_code.upper() if letter in LETTERS)
    return f"{letters[:4]}-{letters[4:8]}"


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
