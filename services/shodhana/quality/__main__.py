"""Starts the quality service."""

from __future__ import annotations

import asyncio
from functools import partial

from shodhana.api.quality.v1 import quality_pb2_grpc as grpc_api
from shodhana.runtime import postgres
from shodhana.runtime.application import Application, run
from shodhana.runtime.cache import LayeredCache, MemoryCache
from shodhana.runtime.cache_tally import CacheTally
from shodhana.runtime.redis import open_redis
from shodhana.runtime.standby import open_reads

from .adapters.inria_forms import installed_forms
from .adapters.lexicon_snapshot import LexiconSnapshot
from .adapters.postgres_reports import PostgresReports
from .domain.attested import NoForms
from .domain.reports import ReportStore
from .servicer import QualityServicer
from .settings import QualitySettings


async def register(app: Application, settings: QualitySettings) -> None:
    pool = await app.enter(postgres.open_pool(settings, "quality"))
    redis = await app.enter(open_redis(settings))
    reads = await app.enter(open_reads(settings, "quality", pool))
    app.after_writes(reads.note_write)
    store = PostgresReports(pool, reads)
    lexicon = LexiconSnapshot(app.channel("similarity"))
    memory = MemoryCache(settings.cache_entries, settings.cache_ttl_s)
    cache = LayeredCache("quality_scores", redis, memory, settings.cache_ttl_s)
    tally = CacheTally(redis)
    tally.watch(cache)
    forms = (installed_forms() if settings.attested_forms_enabled else None) or NoForms()
    app.background("lexicon", partial(lexicon.keep_up, settings.lexicon_refresh_s))
    app.background("daily-stats", partial(_refresh_stats, store, settings.stats_refresh_s))
    app.background("cache-tally", partial(tally.keep_up, settings.cache_tally_s))
    app.ready_when("postgres", partial(postgres.ping, pool))
    servicer = QualityServicer(lexicon, store, cache, tally, settings.policy(), forms)
    grpc_api.add_QualityServiceServicer_to_server(servicer, app.server)
    app.serves("shodhana.api.quality.v1.QualityService")


async def _refresh_stats(store: ReportStore, interval_s: float) -> None:
    while True:
        await store.refresh_daily_stats()
        await asyncio.sleep(interval_s)


if __name__ == "__main__":
    run(QualitySettings(), register)
