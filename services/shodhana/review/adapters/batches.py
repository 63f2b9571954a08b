"""Joins calls that come while others are under way: one statement for all that wait, none waits for more to come."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import asyncpg

Item = TypeVar("Item")
Result = TypeVar("Result")
MOST = 64
FLIGHTS = 1


class Batches(Generic[Item, Result]):
    """Calls `work` with all items that wait, at most `most` of them, in at most `flights` calls at once.

    `work` answers in the order of its items. Where a batch fails its items are tried one by one, so that nobody
    fails for another's mistake.
    """

    def __init__(
        self, work: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]], flights: int = FLIGHTS, most: int = MOST
    ) -> None:
        self._work = work
        self._most = most
        self._free = flights
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._flights: set[asyncio.Task[None]] = set()

    async def run(self, item: Item) -> Result:
        """The answer to one item."""
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._free:
            self._free -= 1
            flight = asyncio.create_task(self._fly())
            self._flights.add(flight)
            flight.add_done_callback(self._flights.discard)
        return await answer

    async def _fly(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                await self._answer([(item, answer) for item, answer in batch if not answer.done()])
        finally:
            self._free += 1

    async def _answer(self, batch: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        if not batch:
            return
        try:
            results = await self._work([item for item, _ in batch])
        except asyncpg.PostgresError as error:
            if len(batch) == 1:
                _set(batch[0][1], error)
                return
            for one in batch:
                await self._answer([one])
        except BaseException as error:
            for _, answer in batch:
                _set(answer, error)
            if not isinstance(error, Exception):
                raise
        else:
            for (_, answer), result in zip(batch, results, strict=True):
                if not answer.done():
                    answer.set_result(result)


def _set(answer: asyncio.Future[Result], error: BaseException) -> None:
    if answer.done():
        return
    if isinstance(error, asyncio.CancelledError):
        answer.cancel()
    else:
        answer.set_exception(error)
