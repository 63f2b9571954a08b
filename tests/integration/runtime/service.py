"""A service of the real runtime whose life is watched: it writes what happens, line by line, to `EVENTS_PATH`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from shodhana.api.similarity.v1 import similarity_pb2 as pb
from shodhana.api.similarity.v1 import similarity_pb2_grpc
from shodhana.errors import Unavailable
from shodhana.runtime import telemetry
from shodhana.runtime.application import Application, run
from shodhana.runtime.settings import RuntimeSettings


class ServiceSettings(RuntimeSettings):
    """`READY_PATH` and `RELEASE_PATH` name files whose existence is waited for."""

    events_path: Path
    ready_path: Path
    release_path: Path


class Servicer(similarity_pb2_grpc.SimilarityServiceServicer):
    """Answers at once, but for "slow", which waits to be released."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings

    async def Search(self, request: pb.SearchRequest, context: Any) -> pb.SearchResponse:
        if request.query == "slow":
            note(self._settings, "slow call arrived")
            while not self._settings.release_path.exists():  # noqa: ASYNC110 - told by another process
                await asyncio.sleep(0.01)
            note(self._settings, "slow call answered")
        return pb.SearchResponse()


async def register(app: Application, settings: ServiceSettings) -> None:
    is_open = await app.enter(store(settings))
    failures = iter([RuntimeError("first time")])

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            note(settings, f"worker stopped, store {'open' if is_open else 'closed'}")

    async def flaky() -> None:
        for failure in failures:
            raise failure
        note(settings, "flaky work done")

    app.ready_when("door", partial(check, settings.ready_path))
    app.ready_when("always", partial(asyncio.sleep, 0))
    app.reports("spared", partial(check, settings.ready_path.with_name("spared")))
    app.background("worker", work)
    app.background("flaky", flaky)
    similarity_pb2_grpc.add_SimilarityServiceServicer_to_server(Servicer(settings), app.server)
    app.serves("shodhana.api.similarity.v1.SimilarityService")


@asynccontextmanager
async def store(settings: ServiceSettings) -> AsyncIterator[list[str]]:
    is_open = ["yes"]
    yield is_open
    with telemetry.tracer.start_as_current_span("close the store"):
        is_open.clear()
        note(settings, "store closed")


async def check(path: Path) -> None:
    if not path.exists():
        raise Unavailable("shut")


def note(settings: ServiceSettings, event: str) -> None:
    with settings.events_path.open("a") as file:
        file.write(f"{event}\n")


if __name__ == "__main__":
    run(ServiceSettings(), register)
