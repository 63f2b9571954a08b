"""The doorbell over Celery: a message carries a file's number and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from celery import Celery
from kombu.exceptions import OperationalError

TASK = "shodhana.transcripts.correct_file"
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
        broker_transport_options={"visibility_timeout": 3600, "socket_timeout": 5, "socket_connect_timeout": 2},
        task_publish_retry=False,
        worker_hijack_root_logger=False,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
    )
    return app


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
