"""The doorbell over Celery: a message carries a file's number and nothing else."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote, urlsplit

import structlog
from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from shodhana.runtime.redis import MASTER, SENTINEL

TASK = "shodhana.transcripts.correct_file"
TRANSPORT = {"visibility_timeout": 3600, "socket_timeout": 5, "socket_connect_timeout": 2}
RING_S = 0.5  # how long a caller waits for the bell: its job is stored, and the sweeper rings again
MOST_WAITING = 10_000
_log = structlog.get_logger()


def celery_app(broker_url: str | None) -> Celery:
    """The Celery application of the workers; without a broker nothing can be rung."""
    app = Celery("shodhana", broker=broker_url or "memory://")
    app.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_ignore_result=True,
        worker_prefetch_multiplier=1,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={**TRANSPORT, **_of_sentinels(broker_url or "")},
        task_publish_retry=False,
        worker_hijack_root_logger=False,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
    )
    return app


def _of_sentinels(broker_url: str) -> dict[str, Any]:
    """Sentinels (`sentinel://…;sentinel://…`) have the password of the server that they watch."""
    if not broker_url.startswith(SENTINEL):
        return {}
    password = unquote(urlsplit(broker_url.partition(";")[0]).password or "") or None
    return {"master_name": MASTER, "sentinel_kwargs": {"password": password, "socket_timeout": 2}}


class CeleryBell:
    """The port `Doorbell`. Rings in a thread of its own: what hangs there holds up no other work of the process."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._thread = ThreadPoolExecutor(1, "bell")
        self._waiting: deque[int] = deque(maxlen=MOST_WAITING)
        self._ringing: asyncio.Future[None] | None = None

    async def ring(self, file_ids: Sequence[int]) -> None:
        self._waiting.extend(file_ids)
        if self._ringing is None:
            self._begin()
        if self._ringing is not None:
            await asyncio.wait({self._ringing}, timeout=RING_S)

    def _begin(self, _ended: object = None) -> None:
        """Rings for all that wait, and again for those that come meanwhile."""
        self._ringing = None
        if self._waiting:
            self._ringing = asyncio.get_running_loop().run_in_executor(self._thread, self._ring_all)
            self._ringing.add_done_callback(self._begin)

    def _ring_all(self) -> None:
        file_ids = [self._waiting.popleft() for _ in range(len(self._waiting))]
        try:
            with self._app.producer_pool.acquire(block=True, timeout=2) as producer:
                for file_id in file_ids:
                    self._app.send_task(TASK, args=(file_id,), producer=producer, retry=False)
        except (OperationalError, OSError, RedisError) as error:
            _log.warning("bell_not_rung", files=len(file_ids), error=type(error).__name__)
