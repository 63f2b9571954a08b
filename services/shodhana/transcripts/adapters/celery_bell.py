"""The doorbell over Celery: a message carries a file's number and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import structlog
from celery import Celery
from kombu.exceptions import OperationalError

from shodhana.runtime.redis import MASTER, SENTINEL

TASK = "shodhana.transcripts.correct_file"
TRANSPORT = {"visibility_timeout": 3600, "socket_timeout": 5, "socket_connect_timeout": 2}
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
    """The port `Doorbell`."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def ring(self, file_ids: Sequence[int]) -> None:
        try:
            with self._app.producer_pool.acquire(block=True, timeout=2) as producer:
                for file_id in file_ids:
                    self._app.send_task(TASK, args=(file_id,), producer=producer, retry=False)
        except (OperationalError, OSError) as error:
            _log.warning("bell_not_rung", files=len(file_ids), error=type(error).__name__)
