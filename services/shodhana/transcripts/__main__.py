"""Starts the transcripts service."""

from __future__ import annotations

import asyncio
from functools import partial

from shodhana.api.transcripts.v1 import transcripts_pb2_grpc as grpc_api
from shodhana.runtime import postgres
from shodhana.runtime.application import Application, run
from shodhana.runtime.standby import open_reads

from . import signals
from .adapters.celery_bell import CeleryBell, celery_app
from .adapters.postgres_jobs import PostgresJobs
from .adapters.postgres_rechecks import PostgresRechecks
from .composition import build_cases, build_corrector, differs_now
from .domain.assessment import PlaceAssessor
from .domain.finishing import Finisher
from .domain.jobs import Doorbell, JobStore
from .domain.rechecks import Differs, Rechecks, recheck_one
from .servicer import TranscriptServicer, poison_status
from .settings import TranscriptsSettings

SHOW_INTERVAL_S = 5.0
RECHECK_PATIENCE_S = 120.0  # after which a file whose look was broken off is looked at again


async def register(app: Application, settings: TranscriptsSettings) -> None:
    pool = await app.enter(postgres.open_pool(settings, "transcripts"))
    reads = await app.enter(open_reads(settings, "transcripts", pool))
    app.after_writes(reads.note_write)
    store = PostgresJobs(pool, settings.batch_size, reads)
    bell = CeleryBell(celery_app(settings.celery_broker_url))
    cases = build_cases(app.channel, settings)
    corrector = build_corrector(app.channel, settings, cases)
    signals.begin()
    app.background("sweeper", partial(_sweep, store, bell, settings))
    app.background("gauges", partial(_show_waiting, store))
    app.ready_when("postgres", partial(postgres.ping, pool))
    rechecks = PostgresRechecks(pool)
    app.background("rechecks", partial(_recheck, rechecks, differs_now(corrector, settings), settings))
    parts = (PlaceAssessor(corrector), Finisher(cases), rechecks)
    servicer = TranscriptServicer(corrector, store, bell, *parts, settings)
    grpc_api.add_TranscriptServiceServicer_to_server(servicer, app.server)
    app.serves("shodhana.api.transcripts.v1.TranscriptService")


async def _sweep(store: JobStore, bell: Doorbell, settings: TranscriptsSettings) -> None:
    """Rings again for files whose worker or bell was lost. Every replica sweeps: rows are locked, not the work."""
    poison = poison_status(settings.max_attempts)
    while True:
        await asyncio.sleep(settings.sweep_s)
        file_ids = await store.sweep(settings.max_attempts, poison)
        if file_ids:
            await bell.ring(file_ids)


async def _show_waiting(store: JobStore) -> None:
    while True:
        signals.waiting(await store.waiting())
        await asyncio.sleep(SHOW_INTERVAL_S)


async def _recheck(rechecks: Rechecks, differs: Differs, settings: TranscriptsSettings) -> None:
    """One file at a time: what people wait for goes before."""
    while True:
        if not await recheck_one(rechecks, differs, RECHECK_PATIENCE_S):
            await asyncio.sleep(settings.sweep_s)


if __name__ == "__main__":
    run(TranscriptsSettings(), register)
