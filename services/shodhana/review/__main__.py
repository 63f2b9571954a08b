"""Starts the review service."""

from __future__ import annotations

import asyncio
from functools import partial

from shodhana.api.review.v1 import review_pb2_grpc as grpc_api
from shodhana.runtime import metrics, postgres
from shodhana.runtime.application import Application, run

from .adapters.postgres_bulk import PostgresBulkDecisions
from .adapters.postgres_figures import PostgresFigures
from .adapters.postgres_gold import PostgresGoldCases
from .adapters.postgres_notes import PostgresNotes
from .adapters.postgres_queue import PostgresQueue
from .adapters.postgres_trail import PostgresTrail
from .adapters.relay import Relay
from .domain.queue import ReviewFigures, ReviewQueue
from .rpcs.base import ReviewPorts
from .servicer import ReviewServicer
from .settings import ReviewSettings

# A plan made for each call takes longer than the call; what needs another plan is another statement.
PLANS = {"plan_cache_mode": "force_generic_plan"}

COUNT_INTERVAL_S = 15.0  # as often as metrics are read; a count of all that waits takes a tenth of a second


async def register(app: Application, settings: ReviewSettings) -> None:
    pool = await app.enter(postgres.open_pool(settings, "review", PLANS))
    relay = Relay(pool)
    ports = ReviewPorts(
        queue=PostgresQueue(pool, settings.sla_s),
        figures=PostgresFigures(pool),
        notes=PostgresNotes(pool),
        bulk=PostgresBulkDecisions(pool),
        gold=PostgresGoldCases(pool),
        trail=PostgresTrail(pool),
        changes=relay,
    )
    app.background("sweeper", partial(_sweep, ports.queue, settings.sweep_s))
    app.background("gauge", partial(_count, ports.figures))
    app.background("outbox", relay.drain)
    app.background("listener", relay.listen)
    app.ready_when("postgres", partial(postgres.ping, pool))
    grpc_api.add_ReviewServiceServicer_to_server(ReviewServicer(ports, settings), app.server)
    app.serves("shodhana.api.review.v1.ReviewService")


async def _sweep(queue: ReviewQueue, interval_s: float) -> None:
    while True:
        await queue.sweep()
        await asyncio.sleep(interval_s)


async def _count(figures: ReviewFigures) -> None:
    while True:
        for domain, count in (await figures.pending_by_domain()).items():
            metrics.REVIEW_QUEUE_LENGTH.labels(domain).set(count)
        await asyncio.sleep(COUNT_INTERVAL_S)


if __name__ == "__main__":
    run(ReviewSettings(), register)
