"""Starts the review service."""

from __future__ import annotations

import asyncio
import math
from functools import partial

from shodhana.api.review.v1 import knowledge_pb2_grpc
from shodhana.api.review.v1 import review_pb2_grpc as grpc_api
from shodhana.runtime import metrics, postgres
from shodhana.runtime.application import Application, run
from shodhana.runtime.standby import open_reads

from .adapters.lexicon_client import LexiconClient
from .adapters.postgres_bulk import PostgresBulkDecisions
from .adapters.postgres_figures import PostgresFigures
from .adapters.postgres_gold import PostgresGoldCases
from .adapters.postgres_insight import PostgresInsight
from .adapters.postgres_leadership import PostgresLeadership
from .adapters.postgres_notes import PostgresNotes
from .adapters.postgres_proposals import PostgresProposals
from .adapters.postgres_publications import PostgresPublications
from .adapters.postgres_queue import PostgresQueue
from .adapters.postgres_rescorings import PostgresKnownAnswers, PostgresRescorings
from .adapters.postgres_trail import PostgresTrail
from .adapters.relay import Relay
from .adapters.transcripts_client import TranscriptsClient
from .domain.canary import Canary
from .domain.learner import Leadership, Learner
from .domain.queue import ReviewFigures, ReviewQueue
from .domain.rescoring import Rescorer
from .rpcs.base import ReviewPorts
from .servicer import KnowledgeServicer, ReviewServicer
from .settings import ReviewSettings

# A plan made for each call takes longer than the call; what needs another plan is another statement.
PLANS = {"plan_cache_mode": "force_generic_plan"}

INSIGHT_DAYS = 30
INSIGHT_INTERVAL_S = 60.0
COUNT_INTERVAL_S = 15.0  # as often as metrics are read; a count of all that waits takes a tenth of a second


async def register(app: Application, settings: ReviewSettings) -> None:
    pool = await app.enter(postgres.open_pool(settings, "review", PLANS))
    reads = await app.enter(open_reads(settings, "review", pool, PLANS))
    app.after_writes(reads.note_write)
    relay, trail = Relay(pool), PostgresTrail(pool, reads)
    transcripts = TranscriptsClient(app.channel("transcripts"))
    ports = ReviewPorts(
        queue=PostgresQueue(pool, settings.sla_s, reads),
        figures=PostgresFigures(reads),
        notes=PostgresNotes(pool),
        bulk=PostgresBulkDecisions(pool),
        gold=PostgresGoldCases(pool),
        trail=trail,
        changes=relay,
        proposals=PostgresProposals(pool, settings.quorum),
        publications=PostgresPublications(pool, settings.quorum),
        files=transcripts,
        insight=PostgresInsight(reads),
    )
    lexicon = LexiconClient(app.channel("similarity"))
    learner = Learner(
        lessons=trail,
        proposals=ports.proposals,
        publications=ports.publications,
        lexicon=lexicon,
        canary=Canary(PostgresKnownAnswers(pool), transcripts),
        files=transcripts,
        rescorer=Rescorer(PostgresRescorings(pool), transcripts, lexicon, settings.passed_sample_share),
        when_active=metrics.DECISION_TO_ACTIVE.observe,
    )
    app.background("learner", partial(_learn, learner, PostgresLeadership(pool)))
    app.background("insight", partial(_tell_insight, ports))
    app.background("sweeper", partial(_sweep, ports.queue, settings.sweep_s))
    app.background("gauge", partial(_count, ports.figures, settings.sla_s))
    app.background("outbox", relay.drain)
    app.background("listener", relay.listen)
    app.ready_when("postgres", partial(postgres.ping, pool))
    grpc_api.add_ReviewServiceServicer_to_server(ReviewServicer(ports, settings), app.server)
    knowledge_pb2_grpc.add_KnowledgeServiceServicer_to_server(KnowledgeServicer(ports, settings), app.server)
    app.serves("shodhana.api.review.v1.ReviewService", "shodhana.api.review.v1.KnowledgeService")


async def _sweep(queue: ReviewQueue, interval_s: float) -> None:
    while True:
        await queue.sweep()
        await asyncio.sleep(interval_s)


async def _learn(learner: Learner, leadership: Leadership) -> None:
    while True:
        await learner.run(leadership)


async def _tell_insight(ports: ReviewPorts) -> None:
    while True:
        figures = await ports.insight.knowledge(INSIGHT_DAYS)
        shares = {
            metrics.REPEAT_ERROR_RATE: figures.repeat_error_rate,
            metrics.AUTO_RESOLVED_SHARE: figures.auto_resolved_share,
            metrics.OVERTURN_RATE: figures.overturn_rate,
            metrics.SUGGESTION_CALIBRATION_ERROR: figures.calibration_error,
            metrics.REVIEW_OLDEST_SLA_SHARE: figures.oldest_sla_share,
        }
        for gauge, share in shares.items():
            gauge.set(math.nan if share is None else share)
        for state, count in figures.proposals.items():
            metrics.LEXICON_PROPOSALS.labels(state.value).set(count)
        for domain in (await ports.figures.statistics(INSIGHT_DAYS)).domains:
            metrics.REVIEW_ALPHA.labels(domain.domain).set(math.nan if domain.alpha is None else domain.alpha)
        await asyncio.sleep(INSIGHT_INTERVAL_S)


async def _count(figures: ReviewFigures, sla_s: float) -> None:
    metrics.REVIEW_SLA.set(sla_s)
    while True:
        for waiting in await figures.waiting():
            metrics.REVIEW_QUEUE_LENGTH.labels(waiting.domain).set(waiting.pending_count)
            metrics.CASES_OVERDUE.labels(waiting.domain).set(waiting.overdue_count)
            metrics.OLDEST_CASE.labels(waiting.domain).set(waiting.oldest_s)
        await asyncio.sleep(COUNT_INTERVAL_S)


if __name__ == "__main__":
    run(ReviewSettings(), register)
