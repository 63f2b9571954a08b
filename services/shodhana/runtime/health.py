"""The health service: whether the process is ready, and each thing that it needs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from grpc_health.v1 import _async as async_health
from grpc_health.v1 import health_pb2

PROCESS = ""
ALIVE = "alive"
"""SERVING as long as the process answers: what it lacks is no reason to start it anew."""


class Health(async_health.HealthServicer):
    """`grpc.health.v1.Health` whose watchers are let go at the end: one that stayed would hold up the whole stop."""

    def __init__(self) -> None:
        super().__init__()
        self._ended = asyncio.Event()

    async def Watch(self, request: health_pb2.HealthCheckRequest, context: Any) -> None:
        watching = asyncio.create_task(super().Watch(request, context))
        ending = asyncio.create_task(self._ended.wait())
        try:
            await asyncio.wait((watching, ending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            watching.cancel()
            ending.cancel()
            await asyncio.gather(watching, ending, return_exceptions=True)

    async def report(self, names: Iterable[str], ready: bool) -> None:
        """Sets the status of each name, until `retire`."""
        response = health_pb2.HealthCheckResponse
        for name in names:
            await self.set(name, response.SERVING if ready else response.NOT_SERVING)

    async def retire(self) -> None:
        """NOT_SERVING for good, whatever is reported after."""
        await self.enter_graceful_shutdown()

    def end_watches(self) -> None:
        """Ends the streams of those who watch."""
        self._ended.set()
