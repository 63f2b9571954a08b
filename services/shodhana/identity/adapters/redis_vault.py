"""The vault in Redis."""

from __future__ import annotations

import hashlib
import json
from typing import Any, cast

from redis.asyncio import Redis

from ..domain.vault import Record

PREFIX = "identity"
FRESH = 0.95
"""Of its life: a record that has more left is not renewed, so that reading is seldom a write."""
SWAP = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""
COUNT = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return count
"""


class RedisVault:
    """The port `Vault`; the server must not evict, else people are logged out when memory is short."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._swap = client.register_script(SWAP)
        self._count = client.register_script(COUNT)

    async def put(self, kind: str, key: str, record: Record, life_s: float) -> None:
        await self._client.set(_name(kind, key), _text(record), px=_milliseconds(life_s))

    async def get(self, kind: str, key: str, life_s: float | None = None) -> dict[str, Any] | None:
        name = _name(kind, key)
        if life_s is None:
            return _record(await self._client.get(name))
        async with self._client.pipeline(transaction=False) as pipeline:
            pipeline.get(name)
            pipeline.pttl(name)
            text, left_ms = await pipeline.execute()
        if text is not None and left_ms < _milliseconds(life_s * FRESH):
            await self._client.pexpire(name, _milliseconds(life_s))
        return _record(text)

    async def take(self, kind: str, key: str) -> dict[str, Any] | None:
        return _record(await self._client.getdel(_name(kind, key)))

    async def swap(self, kind: str, key: str, old: Record, new: Record, life_s: float) -> bool:
        arguments = (_text(old), _text(new), str(_milliseconds(life_s)))
        return bool(await self._swap(keys=[_name(kind, key)], args=arguments))

    async def drop(self, kind: str, key: str) -> None:
        await self._client.delete(_name(kind, key))

    async def count(self, kind: str, key: str, window_s: float) -> int:
        return int(await self._count(keys=[_name(kind, key)], args=[_milliseconds(window_s)]))


def _name(kind: str, key: str) -> str:
    return f"{PREFIX}:{kind}:{hashlib.sha256(key.encode()).hexdigest()}"


def _text(record: Record) -> str:
    return json.dumps(record, sort_keys=True)


def _record(text: bytes | str | None) -> dict[str, Any] | None:
    return None if text is None else cast("dict[str, Any]", json.loads(text))


def _milliseconds(life_s: float) -> int:
    return max(1, round(life_s * 1000))
