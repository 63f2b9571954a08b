"""A doorbell that hangs holds up nobody."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kombu.exceptions import OperationalError
from shodhana.transcripts.adapters.celery_bell import RING_S, CeleryBell


class Broker:
    """Stands for a Celery application: its connections hang until `answers` is set; `rung` are the files told."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.rung: list[int] = []
        self.failures = 0
        self.producer_pool = self

    @contextmanager
    def acquire(self, **_: Any) -> Iterator[None]:
        self.answers.wait(60)
        if self.failures:
            self.failures -= 1
            raise OperationalError("refused")
        yield

    def send_task(self, _name: str, args: tuple[int], **_: Any) -> None:
        self.rung.extend(args)


async def until_rung(broker: Broker, file_ids: list[int]) -> None:
    async with asyncio.timeout(60):
        while broker.rung != file_ids:  # noqa: ASYNC110 - rung in a thread
            await asyncio.sleep(0.01)


async def test_a_broker_that_hangs_is_not_waited_for_and_rung_when_it_answers() -> None:
    broker = Broker()
    bell: Any = CeleryBell(broker)  # type: ignore[arg-type]
    began = time.monotonic()
    await bell.ring([1])
    await bell.ring([2, 3])
    assert time.monotonic() - began < 2 * RING_S + 20
    assert broker.rung == []
    broker.answers.set()
    await until_rung(broker, [1, 2, 3])


async def test_a_bell_that_could_not_be_rung_is_left_to_the_sweeper() -> None:
    broker = Broker()
    broker.answers.set()
    broker.failures = 1
    bell: Any = CeleryBell(broker)  # type: ignore[arg-type]
    await bell.ring([1])
    await bell.ring([2])
    await until_rung(broker, [2])
