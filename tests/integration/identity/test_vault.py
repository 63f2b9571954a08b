"""Records that live for a while, in Redis; and the lives of what is built on them, by a clock of the test's own."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import redis.asyncio
from shodhana.errors import Unauthenticated
from shodhana.identity.adapters.redis_vault import RedisVault
from shodhana.identity.domain.accounts import AccountNotFound, User
from shodhana.identity.domain.sessions import SessionEnded, SessionPolicy, Sessions
from shodhana.identity.domain.tool_logins import LEEWAY_S, ToolLogins, ToolPolicy, challenge_of
from shodhana.identity.domain.vault import new_key

LOOPBACK, VERIFIER = "http://127.0.0.1:1/callback", "v" * 43


class Clock:
    """Stands still until it is told."""

    def __init__(self) -> None:
        self.now_s = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now_s


class OneUser:
    """As much of `Accounts` as sessions need."""

    def __init__(self) -> None:
        self.found: User | None = User(1, "radha@example.org", "Rādhā", (), False, datetime.now(UTC))

    async def user(self, user_id: int) -> User:
        if self.found is None:
            raise AccountNotFound("no user")
        return self.found


@pytest.fixture(name="store")
def store_fixture(vault: redis.asyncio.Redis) -> RedisVault:
    return RedisVault(vault)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts() -> Any:
    return OneUser()


@pytest.fixture
def tools(store: RedisVault, accounts: Any, clock: Clock) -> ToolLogins:
    return ToolLogins(store, accounts, ToolPolicy(idle_s=1000, absolute_s=5000), clock)


async def granted(tools: ToolLogins, user: User) -> str:
    """A refresh token."""
    code = await tools.code_for(user, challenge_of(VERIFIER), LOOPBACK)
    _, token, _ = await tools.redeem_code(code, VERIFIER, LOOPBACK)
    return token


async def test_a_record_ends_and_one_that_is_used_lives_on(store: RedisVault, until: Any) -> None:
    unused, used = new_key(), new_key()
    for key in (unused, used):
        await store.put("kind", key, {"a": 1}, 0.3)
    assert await store.get("kind", used, 60) == {"a": 1}
    assert await store.get("other", used) is None

    async def is_gone() -> bool:
        return await store.get("kind", unused) is None

    await until(is_gone)
    assert await store.get("kind", used) == {"a": 1}


async def test_reading_a_record_is_seldom_a_write(store: RedisVault, vault: redis.asyncio.Redis) -> None:
    key = new_key()
    await store.put("kind", key, {}, 1000)
    await vault.config_resetstat()
    for _ in range(20):
        await store.get("kind", key, 1000)
    assert "cmdstat_pexpire" not in await vault.info("commandstats")


async def test_of_many_who_take_one_gets_it(store: RedisVault) -> None:
    key = new_key()
    await store.put("kind", key, {"a": 1}, 10)
    taken = await asyncio.gather(*(store.take("kind", key) for _ in range(8)))
    assert [found for found in taken if found] == [{"a": 1}]


async def test_of_many_who_swap_one_does(store: RedisVault) -> None:
    key = new_key()
    await store.put("kind", key, {"a": 0}, 10)
    swapped = await asyncio.gather(*(store.swap("kind", key, {"a": 0}, {"a": n}, 10) for n in range(1, 9)))
    assert sum(swapped) == 1
    assert await store.get("kind", key) == {"a": swapped.index(True) + 1}
    assert not await store.swap("kind", new_key(), {"a": 0}, {"a": 1}, 10)


async def test_attempts_are_counted_until_the_window_ends(store: RedisVault, until: Any) -> None:
    key = new_key()
    assert [await store.count("kind", key, 60) for _ in range(3)] == [1, 2, 3]
    short = new_key()
    await store.count("kind", short, 0.2)

    async def begins_anew() -> bool:
        return await store.count("kind", short, 0.2) == 1

    await until(begins_anew)


async def test_no_secret_is_stored(
    store: RedisVault, vault: redis.asyncio.Redis, tools: ToolLogins, accounts: Any
) -> None:
    sessions = Sessions(store, accounts, SessionPolicy(100, 1000))
    key, _ = await sessions.open(accounts.found)
    token = await granted(tools, accounts.found)
    code = await tools.code_for(accounts.found, challenge_of(VERIFIER), LOOPBACK)
    device = await tools.start_device("")
    names = [name async for name in vault.scan_iter("identity:*")]
    stored = b" ".join([*names, *[await vault.get(name) for name in names]]).decode()
    for secret in (key, *token.split("."), code, device.device_code):
        assert secret not in stored


async def test_a_session_in_use_ends_when_its_time_is_up(store: RedisVault, accounts: Any, clock: Clock) -> None:
    sessions = Sessions(store, accounts, SessionPolicy(100, 1000), clock)
    key, _ = await sessions.open(accounts.found)
    clock.now_s += 999
    assert (await sessions.find(key)).user is accounts.found
    clock.now_s += 1
    with pytest.raises(SessionEnded, match="its end"):
        await sessions.find(key)
    clock.now_s -= 500
    with pytest.raises(SessionEnded, match="no such session"):
        await sessions.find(key)


@pytest.mark.parametrize("change", [{"disabled": True}, {"epoch": 1}, None])
async def test_what_becomes_of_the_user_becomes_of_their_sessions_and_tools(
    store: RedisVault, accounts: Any, tools: ToolLogins, change: dict[str, Any] | None
) -> None:
    sessions = Sessions(store, accounts, SessionPolicy(100, 1000))
    key, _ = await sessions.open(accounts.found)
    token = await granted(tools, accounts.found)
    accounts.found = replace(accounts.found, **change) if change else None
    with pytest.raises(SessionEnded):
        await sessions.find(key)
    with pytest.raises(SessionEnded):
        await tools.refresh(token)


async def test_a_refresh_token_sent_again_late_ends_the_log_in(tools: ToolLogins, accounts: Any, clock: Clock) -> None:
    first = await granted(tools, accounts.found)
    _, second, _ = await tools.refresh(first)
    clock.now_s += LEEWAY_S
    _, third, _ = await tools.refresh(first)  # its answer was lost, it says
    clock.now_s += LEEWAY_S + 1
    with pytest.raises(Unauthenticated, match="was used before"):
        await tools.refresh(first)
    for token in (second, third):
        with pytest.raises(Unauthenticated, match="has ended"):
            await tools.refresh(token)


async def test_a_tools_log_in_ends_however_often_it_is_refreshed(
    tools: ToolLogins, accounts: Any, clock: Clock
) -> None:
    token = await granted(tools, accounts.found)
    for _ in range(4):
        clock.now_s += 1249
        _, token, _ = await tools.refresh(token)
    clock.now_s += 4
    with pytest.raises(SessionEnded, match="its end"):
        await tools.refresh(token)
