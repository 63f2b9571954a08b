"""The life of a service process: start, health, drain, end."""

from __future__ import annotations

import asyncio
import signal
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

import grpc
import structlog
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from shodhana.errors import DomainError

from . import metrics, telemetry
from .auth import TokenVerifier
from .channels import Channels
from .health import ALIVE, PROCESS, Health
from .interceptor import ServerInterceptor
from .settings import RuntimeSettings
from .wires import wire_of

CHECK_INTERVAL_S = 0.5
CHECK_TIMEOUT_S = 3.0
MAX_PAUSE_S = 30.0
MAX_PROBES = 20  # at once; the port has no other use
T = TypeVar("T")
Settings = TypeVar("Settings", bound=RuntimeSettings)
Check = Callable[[], Awaitable[None]]
_log = structlog.get_logger()


class Application:
    """What a composition root registers with; made by `run`."""

    def __init__(self, settings: RuntimeSettings, stack: AsyncExitStack) -> None:
        self._settings = settings
        self._stack = stack
        self._checks: dict[str, Check] = {}
        self._spared: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._wire = wire_of(settings.mesh_tls_path)
        self._channels = Channels(settings, self._wire)
        stack.push_async_exit(self._channels)
        self._health = Health()
        self._service_names: list[str] = []
        verifier = TokenVerifier(settings.jwks_path, settings.token_issuer, settings.token_audience)
        self._interceptor = ServerInterceptor(verifier)
        self.server = grpc.aio.server(
            interceptors=[self._interceptor],
            options=_server_options(settings),
            maximum_concurrent_rpcs=settings.maximum_concurrent_rpcs,
        )

    async def enter(self, resource: AbstractAsyncContextManager[T]) -> T:
        """Opens a resource that lives as long as the process; resources close in reverse order."""
        return await self._stack.enter_async_context(resource)

    def ready_when(self, name: str, check: Check) -> None:
        """Adds a condition of readiness: `check` raises while it is not met. Asked twice a second.

        The health service answers for each by its name ("postgres"), beside the process's own readiness ("").
        """
        self._checks[name] = check

    def reports(self, name: str, check: Check) -> None:
        """As `ready_when`, for what the process is ready without: it has answers all the same."""
        self._checks[name] = check
        self._spared.add(name)

    def after_writes(self, note: Callable[[str], Awaitable[None]]) -> None:
        """Calls `note` with the subject of who has written, before the call is answered."""
        self._interceptor.after_write = note

    def background(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Runs `work` until the drain; a failure is logged and it starts again after a while."""
        self._tasks.append(asyncio.create_task(_keep_running(name, work), name=name))

    def channel(self, service: str) -> grpc.aio.Channel:
        """The channel to another service, for its asynchronous stub."""
        return self._channels.to(service)

    def tls_context(self) -> ssl.SSLContext | None:
        """What other servers of this process listen with; None: without TLS."""
        return self._wire.context()

    def serves(self, *service_names: str) -> None:
        """Names the gRPC services (`package.Service`) whose health is reported beside the process's own ("")."""
        self._service_names.extend(service_names)

    async def start(self) -> int:
        """Starts serving; returns the port."""
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self.server)
        if self._settings.reflection_enabled:
            names = (*self._service_names, health.SERVICE_NAME, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, self.server)
        port = self._wire.listen(self.server, self._settings.listen_address)
        await self._health.report((PROCESS, *self._service_names, *self._checks), False)
        await self._health.report([ALIVE], True)
        await self.server.start()
        if self._settings.health_address:
            await self.enter(_serving_health(self._health, self._settings.health_address))
        self._tasks.append(asyncio.create_task(self._watch_readiness(), name="readiness"))
        return port

    async def drain(self) -> None:
        """NOT_SERVING, a wait for the load balancers, the calls in flight, the workers."""
        await self._health.retire()
        await asyncio.sleep(self._settings.drain_s)
        self._health.end_watches()
        await self.server.stop(self._settings.stop_grace_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _watch_readiness(self) -> None:
        was: list[str] | None = None
        while True:
            failing = await self._failing_checks()
            if failing != was:
                was = failing
                _log.info("readiness", ready=self._spared.issuperset(failing), failing=failing)
            for name in self._checks:
                await self._health.report([name], name not in failing)
                metrics.READY.labels(name).set(name not in failing)
            await self._health.report((PROCESS, *self._service_names), self._spared.issuperset(failing))
            await asyncio.sleep(CHECK_INTERVAL_S)

    async def _failing_checks(self) -> list[str]:
        results = await asyncio.gather(*(_passes(check) for check in self._checks.values()))
        return [name for name, passed in zip(self._checks, results, strict=True) if not passed]


def run(settings: Settings, register: Callable[[Application, Settings], Awaitable[None]]) -> None:
    """Runs a service until SIGTERM or SIGINT. `register` adds servicers, resources and checks to the application."""
    telemetry.set_up(settings)
    asyncio.run(_run(settings, register))


async def _run(settings: Settings, register: Callable[[Application, Settings], Awaitable[None]]) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        async with AsyncExitStack() as stack:
            application = Application(settings, stack)
            await register(application, settings)
            port = await application.start()
            if settings.metrics_address:
                metrics.serve(settings.metrics_address)
            _log.info("started", port=port)
            await stopped.wait()
            await application.drain()
    finally:
        telemetry.shut_down()
    _log.info("stopped")


@asynccontextmanager
async def _serving_health(servicer: Health, address: str) -> AsyncIterator[None]:
    """A server beside the process's own, without TLS, that tells of its health and nothing else."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)], maximum_concurrent_rpcs=MAX_PROBES)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    server.add_insecure_port(address)
    await server.start()
    try:
        yield
    finally:
        await server.stop(None)


def _server_options(settings: RuntimeSettings) -> list[tuple[str, int]]:
    return [
        ("grpc.so_reuseport", 0),  # a stale process on the port must fail the start, not share its calls
        ("grpc.max_send_message_length", settings.max_message_bytes),
        ("grpc.max_receive_message_length", settings.max_message_bytes),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ]


async def _passes(check: Check) -> bool:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            await check()
    except Exception as error:
        _log.debug("not_ready", error=type(error).__name__)
        return False
    return True


async def _keep_running(name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    pause_s = 1.0
    while True:
        try:
            await work()
            return
        except DomainError as error:
            _log.error("background_failed", task=name, error=error.message)
        except Exception as error:
            _log.error("background_failed", task=name, exc_info=error)
        await asyncio.sleep(pause_s)
        pause_s = min(MAX_PAUSE_S, 2 * pause_s)
