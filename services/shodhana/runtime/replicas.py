"""The replicas of a service: their connections, which are busy, and which failed just now."""

from __future__ import annotations

import asyncio
import contextvars
import random
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc

from shodhana.errors import Unavailable

from .wires import PlainWire, Wire

MAX_CALL_BYTES = 64 * 1024 * 1024
SHUN_S = 1.0  # a replica that just failed is passed over that long, where there is another
WATCH_PAUSE_S = 0.2
RESOLVE_EVERY_S = 5.0
LEAVING_S = 60.0  # calls to a replica whose address is gone may still end
DNS = "dns:///"
GONE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
"""How a call to a replica that is down, or going down, ends; one that we cancel ourselves raises CancelledError."""
HUNG_OR_GONE = (*GONE, grpc.StatusCode.DEADLINE_EXCEEDED)
Resolve = Callable[[str, int], Awaitable[list[str]]]
_log = structlog.get_logger()


class Replica:
    """One address, its connection, how busy it is and whether it wants calls."""

    def __init__(self, target: str, channel: grpc.aio.Channel) -> None:
        self.target = target
        self.in_flight = 0
        self.shunned_until = 0.0
        self.is_serving = True  # until it says otherwise
        self._channel = channel
        self._callables: dict[str, Any] = {}
        # In a context of its own: it has nothing to do with the RPC in which the first call is made.
        self._watch = asyncio.create_task(self._watch_health(), context=contextvars.Context())

    def callable_for(self, kind: str, method: str, serializers: tuple[Any, Any]) -> Any:
        """The multicallable of a method, made once."""
        found = self._callables.get(method)
        if found is None:
            make = getattr(self._channel, kind)
            found = self._callables[method] = make(
                method, request_serializer=serializers[0], response_deserializer=serializers[1]
            )
        return found

    def note(self, error: grpc.aio.AioRpcError) -> None:
        """Passes over this replica for a while where it was not to be reached."""
        if error.code() in HUNG_OR_GONE:
            self.shunned_until = time.monotonic() + SHUN_S

    async def close(self, grace_s: float | None = None) -> None:
        """Closes the connection, once its calls have ended or `grace_s` is over."""
        self._watch.cancel()
        await asyncio.gather(self._watch, return_exceptions=True)
        await self._channel.close(grace_s)

    async def _watch_health(self) -> None:
        """Follows what the replica says of itself: one that drains, or lacks what it needs, is left to others."""
        stub = health_pb2_grpc.HealthStub(self._channel)
        while True:
            try:
                async for answer in stub.Watch(health_pb2.HealthCheckRequest(), wait_for_ready=True):
                    self.is_serving = answer.status == health_pb2.HealthCheckResponse.SERVING
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                    return
                self.is_serving = True  # nothing is known: calls will tell
            await asyncio.sleep(WATCH_PAUSE_S)


async def resolve(host: str, port: int) -> list[str]:
    """`host:port` of every address that the name stands for. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    hosts = {f"[{address[0]!s}]" if family == socket.AF_INET6 else str(address[0]) for family, *_, address in found}
    return [f"{host}:{port}" for host in sorted(hosts)]


class Replicas:
    """All addresses of a service; `dns:///host:port` stands for all that the name resolves to, looked up often."""

    def __init__(
        self,
        service: str,
        targets: Sequence[str],
        keepalive_s: float = 20.0,
        lookup: Resolve = resolve,
        wire: Wire | None = None,
    ) -> None:
        self._service = service
        self._names = [target.removeprefix(DNS) for target in targets if target.startswith(DNS)]
        self._fixed = [target for target in targets if not target.startswith(DNS)]
        self._keepalive_s = keepalive_s
        self._lookup = lookup
        self._wire = wire or PlainWire()
        self._wire_version = self._wire.version()
        self._replicas: dict[str, Replica] = {}
        self._resolve_at = 0.0
        self._looking_up: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._replicas)

    async def least_loaded(self) -> Replica:
        """The replica with the fewest calls in flight; one that failed lately, or serves no longer, only where all do.

        Raises Unavailable where no address is known.
        """
        if self._wire.version() != self._wire_version:
            self._connect_anew()
        for target in self._fixed:
            self._add(target)
        if self._names:
            await self._look_up()
        if not self._replicas:
            raise Unavailable(f"no address of {self._service} is known", retry_after_s=1)
        now = time.monotonic()
        everyone = list(self._replicas.values())
        reachable = [replica for replica in everyone if replica.shunned_until <= now] or everyone
        well = [replica for replica in reachable if replica.is_serving] or reachable
        fewest = min(replica.in_flight for replica in well)
        return random.choice([replica for replica in well if replica.in_flight == fewest])

    async def close(self) -> None:
        """Closes every connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for replica in self._replicas.values():
            await replica.close()

    async def _look_up(self) -> None:
        """Asks for the addresses; calls wait for the answer only while none is known."""
        if time.monotonic() >= self._resolve_at:
            self._resolve_at = time.monotonic() + RESOLVE_EVERY_S
            self._looking_up = self._begin(self._resolve())
        if not self._replicas and self._looking_up is not None:
            await asyncio.shield(self._looking_up)

    async def _resolve(self) -> None:
        targets = set(self._fixed)
        for name in self._names:
            host, _, port = name.rpartition(":")
            try:
                targets.update(await self._lookup(host, int(port)))
            except OSError as error:
                _log.warning("name_not_resolved", name=name, error=type(error).__name__)
                self._resolve_at = time.monotonic() + SHUN_S
                return
        for target in targets:
            self._add(target)
        for target in set(self._replicas) - targets:
            self._begin(self._replicas.pop(target).close(LEAVING_S))

    def _connect_anew(self) -> None:
        """Gives every replica a connection with the certificates of now; calls in flight end on the one they have."""
        self._wire_version = self._wire.version()
        for target, old in self._replicas.items():
            new = self._replicas[target] = self._replica(target)
            new.is_serving, new.shunned_until = old.is_serving, old.shunned_until
            self._begin(old.close(LEAVING_S))

    def _add(self, target: str) -> None:
        if target not in self._replicas:
            self._replicas[target] = self._replica(target)

    def _replica(self, target: str) -> Replica:
        return Replica(target, self._wire.channel(self._service, target, _options(self._keepalive_s)))

    def _begin(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _options(keepalive_s: float) -> list[tuple[str, Any]]:
    return [
        ("grpc.keepalive_time_ms", int(keepalive_s * 1000)),
        ("grpc.keepalive_timeout_ms", int(keepalive_s * 250)),
        ("grpc.http2.ping_timeout_ms", int(keepalive_s * 250)),  # else any other lost ping keeps ours back for 60 s
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 2_000),  # how long a connection may take, whatever its name says
        ("grpc.max_reconnect_backoff_ms", 1_000),
        ("grpc.max_send_message_length", MAX_CALL_BYTES),
        ("grpc.max_receive_message_length", MAX_CALL_BYTES),
        ("grpc.enable_retries", 0),  # retries are ours: grpc's own know neither replicas nor the contracts
    ]
