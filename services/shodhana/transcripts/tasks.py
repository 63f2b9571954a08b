"""The Celery worker: `celery -A shodhana.transcripts.tasks worker --pool solo`. One process, one file at a time.

The solo pool never forks, so channels and pools are safe; scale by starting more workers.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any

import structlog
from celery.signals import setup_logging, worker_init, worker_ready, worker_shutdown
from opentelemetry.trace import SpanKind

from shodhana.runtime import metrics, postgres, telemetry
from shodhana.runtime.channels import Channels

from . import signals
from .adapters.celery_bell import TASK, celery_app
from .adapters.postgres_jobs import PostgresJobs
from .composition import build_cases, build_corrector, correct_claimed, status_bytes
from .domain.jobs import ClaimedFile, FileResult, JobStore
from .domain.runner import Corrects, run_file
from .settings import TranscriptsSettings

_log = structlog.get_logger()


class Worker:
    """What a worker process holds, on an event loop in a thread of its own."""

    def __init__(self, settings: TranscriptsSettings) -> None:
        self.settings = settings
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="loop", daemon=True)
        self._stack = AsyncExitStack()
        self._store: JobStore | None = None
        self._correct: Corrects | None = None

    def start(self) -> None:
        self._thread.start()
        self._run(self._open())

    def stop(self) -> None:
        self._run(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        telemetry.shut_down()

    def correct_file(self, file_id: int) -> str:
        """Corrects one file, if it is still to be done; says what came of it."""
        return str(self._run(self._correct_file(file_id)))

    async def _open(self) -> None:
        pool = await self._stack.enter_async_context(postgres.open_pool(self.settings, "transcripts"))
        channels = await self._stack.enter_async_context(Channels(self.settings))
        self._store = PostgresJobs(pool)
        cases = build_cases(channels.to, self.settings)
        self._correct = correct_claimed(build_corrector(channels.to, self.settings, cases), self.settings)

    async def _correct_file(self, file_id: int) -> str:
        if self._store is None or self._correct is None:
            raise RuntimeError("the worker has not started")
        outcome = await run_file(file_id, self._store, self._traced, status_bytes, self.settings.lease_s)
        if outcome in ("succeeded", "failed"):
            signals.ended(outcome)
        return outcome

    async def _traced(self, claimed: ClaimedFile) -> FileResult:
        """Continues the trace of the call that made the job."""
        if self._correct is None:
            raise RuntimeError("the worker has not started")
        parent = telemetry.extract({"traceparent": claimed.traceparent})
        attributes = {"job.id": claimed.job_id, "job.file_id": claimed.file_id, "job.attempt": claimed.attempt}
        with telemetry.tracer.start_as_current_span(TASK, parent, SpanKind.CONSUMER, attributes):
            signals.claimed(claimed)
            began = time.perf_counter()
            result = await self._correct(claimed)
            _log.info(
                "file_corrected",
                job_id=claimed.job_id,
                file_id=claimed.file_id,
                attempt=claimed.attempt,
                waited_s=round(claimed.waited_s, 3),
                ms=round((time.perf_counter() - began) * 1000, 2),
            )
            return result

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


settings = TranscriptsSettings(service_name="worker")
app = celery_app(settings.celery_broker_url)
_worker = Worker(settings)


@app.task(name=TASK)  # type: ignore[untyped-decorator]
def correct_file(file_id: int) -> str:
    """Corrects one file of a job."""
    return _worker.correct_file(file_id)


@setup_logging.connect  # type: ignore[untyped-decorator]
def _keep_logs(**_: object) -> None:
    """Celery leaves alone what it finds set up: its lines are JSON too, and carry the trace."""


@worker_init.connect  # type: ignore[untyped-decorator]
def _start(**_: object) -> None:
    telemetry.set_up(settings)
    signals.begin()
    if settings.metrics_address:
        metrics.serve(settings.metrics_address)
    _worker.start()


@worker_ready.connect  # type: ignore[untyped-decorator]
def _ready(**_: object) -> None:
    if settings.worker_ready_path is not None:
        settings.worker_ready_path.parent.mkdir(parents=True, exist_ok=True)
        settings.worker_ready_path.touch()


@worker_shutdown.connect  # type: ignore[untyped-decorator]
def _stop(**_: object) -> None:
    _worker.stop()
