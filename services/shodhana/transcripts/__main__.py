"""Starts the transcripts service."""

from __future__ import annotations

import asyncio
from functools import partial

from shodhana.api.transcripts.v1 import transcripts_pb2_grpc as grpc_api
from shodhana.runtime import postgres
from shodhana.runtime.application import Application, run

from .adapters.celery_bell import CeleryBell, celery_app
from .adapters.postgres_jobs import PostgresJobs
from .composition import build_corrector
from .domain.jobs import Doorbell, JobStore
from .servicer import TranscriptServicer, poison_status
from .settings import TranscriptsSettings


async def register(app: Application, settings: TranscriptsSettings) -> None:
    pool = await app.enter(postgres.open_pool(settings, "transcripts"))
    store = PostgresJobs(pool)
    bell = CeleryBell(celery_app(settings.celery_broker_url))
    corrector = build_corrector(app.channel, settings)
    app.background("sweeper", partial(_sweep, store, bell, settings))
    app.ready_when("postgres", partial(postgres.ping, pool))
    servicer = TranscriptServicer(corrector, store, bell, settings)
    grpc_api.add_TranscriptServiceServicer_to_server(servicer, app.server)
    app.serves("shodhana.api.transcripts.v1.TranscriptService")


async def _sweep(store: JobStore, bell: Doorbell, settings: TranscriptsSettings) -> None:
    """Rings again for files whose worker or bell was lost. Every replica sweeps: rows are locked, not the work."""
    poison = poison_status(settings.max_attempts)
    while True:
        await asyncio.sleep(settings.sweep_s)
        file_ids = await store.sweep(settings.max_attempts, poison)
        if file_ids:
            await asyncio.to_thread(bell.ring, file_ids)


if __name__ == "__main__":
    run(TranscriptsSettings(), register)
