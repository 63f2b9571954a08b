"""Steady calls, as people and programs make them: reads over gRPC and REST, cases claimed and decided, small jobs."""

from __future__ import annotations

import asyncio
import ssl
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from google.protobuf.duration_pb2 import Duration
from shodhana.api.review.v1 import review_pb2
from shodhana.api.transcripts.v1 import transcripts_pb2
from shodhana_client import AsyncClient, ShodhanaError, connect_async
from shodhana_client.profile import Profile

from tests.faults.ledger import Call, Ledger
from tests.faults.reads import READS

READ_S, WRITE_S = 3.0, 5.0
LOST_S = 2.0  # how long a REST caller waits past its deadline before it gives the answer up
LEASE = Duration(seconds=600)
SETTLE_S = 90.0
PAUSE_S = 0.25
TICK_S = 0.02
NO_QUEUE = httpx.Limits(max_connections=None, max_keepalive_connections=20)
REST = "rest"
READ_KINDS = frozenset({*READS, REST})
WRITE_KINDS = frozenset({"claim", "decide", "job"})
ALL_KINDS = READ_KINDS | WRITE_KINDS
PER_S = {**dict.fromkeys(READS, 3.0), "similarity": 6.0, REST: 6.0, "review cycle": 3.0, "job cycle": 0.5}
"""Of each kind in a second, at rate 1."""


class Lateness:
    """How long this process itself came too late, on a machine that has more to do: no fault of the mesh's."""

    def __init__(self) -> None:
        self._noted: deque[tuple[float, float]] = deque(maxlen=1000)
        self._due = float("inf")

    async def watch(self) -> None:
        while True:
            self._due = time.monotonic() + TICK_S
            await asyncio.sleep(TICK_S)
            if (late_s := time.monotonic() - self._due) > TICK_S:
                self._noted.append((time.monotonic(), late_s))

    def since(self, began: float) -> float:
        """All delays since then together."""
        now_s = max(0.0, time.monotonic() - self._due)
        return now_s + sum(late_s for at, late_s in self._noted if at > began)


class Load:
    """Calls at a steady rate whatever becomes of them; `ledger` has each."""

    def __init__(self, client: AsyncClient, rest: httpx.AsyncClient, rate: float = 1.0) -> None:
        self.ledger = Ledger()
        self.client = client
        self._rest = rest
        self._rate = rate
        self._tasks: set[asyncio.Task[None]] = set()
        self._given_up: set[asyncio.Task[tuple[str, str]]] = set()
        self._sources: list[asyncio.Task[None]] = []
        self._number = 0
        self._late = Lateness()

    def begin(self) -> None:
        works: dict[str, Callable[[], Awaitable[None]]] = {
            **{name: lambda name=name: self.read(name) for name in READS},  # type: ignore[misc]
            REST: self.read_rest,
            "review cycle": self._review,
            "job cycle": self._job,
        }
        self._sources = [
            asyncio.create_task(self._source(PER_S[name] * self._rate, work)) for name, work in works.items()
        ]

    async def end(self) -> None:
        """Begins nothing more; returns when what was begun has come to an end."""
        for source in self._sources:
            source.cancel()
        await asyncio.gather(*self._sources, return_exceptions=True)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=SETTLE_S)
        assert not self._tasks, f"{len(self._tasks)} writes were never answered: {self.ledger.codes()}"

    async def read(self, service: str) -> bool:
        """One read of a service."""
        self._number += 1
        call = READS[service][1]
        return await self._attempt(service, READ_S, lambda: call(self.client, self._number, timeout=READ_S)) is not None

    async def read_rest(self) -> bool:
        """One read over HTTP with JSON. The gateway has to keep the deadline: this caller waits longer."""
        began = time.monotonic()
        asking = asyncio.create_task(self._ask())
        await asyncio.wait({asking}, timeout=READ_S + LOST_S)
        code, message = asking.result() if asking.done() else ("TimeoutError", "")
        self._note(REST, began, READ_S, code, message)
        if not asking.done():
            self._give_up(asking)
        return code == "OK"

    def _give_up(self, asking: asyncio.Task[tuple[str, str]]) -> None:
        """Not waited for: a cancelled call waits half a minute for the other end of its TLS."""
        asking.cancel()
        self._given_up.add(asking)
        asking.add_done_callback(self._given_up.discard)

    async def _ask(self) -> tuple[str, str]:
        try:
            headers = {"authorization": f"Bearer {await self.client.token()}", "grpc-timeout": f"{READ_S:g}S"}
            answer = await self._rest.get("/v1/reviewCases?pageSize=1", headers=headers)
        except ShodhanaError as error:
            return error.code.name, error.message
        except httpx.HTTPError as error:
            return type(error).__name__, str(error)
        return ("OK", "") if answer.status_code == 200 else (f"HTTP {answer.status_code}", answer.text[:200])

    async def _source(self, per_s: float, work: Callable[[], Awaitable[None]]) -> None:
        began, count = time.monotonic(), 0
        while True:
            task = asyncio.ensure_future(work())
            self._tasks.add(task)  # type: ignore[arg-type]
            task.add_done_callback(self._tasks.discard)  # type: ignore[arg-type]
            count += 1
            await asyncio.sleep(max(0.0, began + count / per_s - time.monotonic()))

    async def _review(self) -> None:
        claim = review_pb2.ClaimCasesRequest(count=1, lease_duration=LEASE, request_id=str(uuid.uuid4()))
        answer = await self._attempt("claim", WRITE_S, lambda: self.client.review.ClaimCases(claim, timeout=WRITE_S))
        for held in answer.cases if answer else ():
            decision = review_pb2.DecideCaseRequest(
                name=held.review_case.name,
                fencing_token=held.lease.fencing_token,
                verdict=review_pb2.VERDICT_REJECT,
                request_id=str(uuid.uuid4()),
            )
            await self._until_told(
                "decide",
                lambda decision=decision: self.client.review.DecideCase(decision, timeout=WRITE_S),  # type: ignore[misc]
            )
            self.ledger.decisions.append(decision.request_id)

    async def _job(self) -> None:
        name = f"load-{uuid.uuid4().hex[:12]}.txt"
        text = f"Nobody can escape praabda {name[5:9]}. People spoke of bhaktī for hours.\n"
        file = transcripts_pb2.TranscriptFile(filename=name, content=text.encode())
        request = transcripts_pb2.CreateJobRequest(files=[file], display_name=name, request_id=str(uuid.uuid4()))
        job = await self._until_told("job", lambda: self.client.transcripts.CreateJob(request, timeout=WRITE_S))
        self.ledger.jobs[int(job.name.removeprefix("jobs/"))] = name

    async def _until_told(self, kind: str, call: Callable[[], Awaitable[Any]]) -> Any:
        """A caller that was not answered asks again with the same request id, as long as it takes."""
        while (answer := await self._attempt(kind, WRITE_S, call)) is None:  # noqa: ASYNC110 - the next attempt
            await asyncio.sleep(PAUSE_S)
        return answer

    async def _attempt(self, kind: str, deadline_s: float, call: Callable[[], Awaitable[Any]]) -> Any:
        began, error, answer = time.monotonic(), None, None
        try:
            answer = await call()
        except ShodhanaError as failure:
            error = failure
        self._note(kind, began, deadline_s, error.code.name if error else "OK", *_said(error))
        return answer

    def _note(
        self,
        kind: str,
        began: float,
        deadline_s: float,
        code: str,
        message: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        took_s = time.monotonic() - began - self._late.since(began)
        self.ledger.calls.append(Call(kind, began, took_s, deadline_s, code, message, retry_after_s))


def _said(error: ShodhanaError | None) -> tuple[str, float | None]:
    return ("", None) if error is None else (error.message, error.retry_after_s)


@asynccontextmanager
async def load(profile: Profile, rate: float = 1.0, *, on_one_connection: bool = False) -> AsyncIterator[Load]:
    """Connected to a gateway; `begin` and `end` it.

    REST on one connection keeps worse time, for its calls read in turn; on many, two dozen of which shake hands
    at once, nobody in this process does.
    """
    context = ssl.create_default_context(cafile=str(profile.ca_certificate))
    async with (
        connect_async(profile) as client,
        httpx.AsyncClient(
            base_url=profile.rest_url,
            verify=context,
            timeout=READ_S + 2 * LOST_S,
            limits=NO_QUEUE,
            http2=on_one_connection,
        ) as rest,
    ):
        yield Load(client, rest, rate)
