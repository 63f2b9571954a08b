"""The cases that a reviewer holds, and what is done with them."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from google.protobuf.duration_pb2 import Duration
from shodhana.api.review.v1 import review_pb2 as pb

from ..client import Client
from ..errors import ShodhanaError
from .answers import CALL_S, Answer, LeaseLost, Ticket, claim, send
from .people import name_experts

HELD_AT_ONCE = 5
LEASE_S = 300.0
HEARTBEAT_S = 60.0
LAST_LEASE_S = 1  # the shortest that there is
GIVEN_BACK_S = 5.0
LOOK_S = 0.2
Thing = TypeVar("Thing")


class NothingToUndo(Exception):
    """Nothing was decided here yet, or all of it was taken back."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which cases: of these domains, none for all that the expert is given; `most` of them, None for no limit."""

    domains: Sequence[str] = ()
    most: int | None = None
    with_escalated: bool = False
    """Escalated and disputed ones too."""


@dataclass(slots=True)
class Progress:
    """Cases that wait, those past their time, and what was decided here and in the last day."""

    waiting: int = 0
    overdue: int = 0
    last_day: int = 0
    here: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Held:
    """A case and the right to decide it. A lost one is not to be decided any more, but what is sent is kept."""

    case: pb.ReviewCase
    fence: int
    is_lost: bool = False

    @property
    def ticket(self) -> Ticket:
        return Ticket(self.case.name, self.case.heard, self.fence)


class Desk:
    """Cases in the order they are to be read. From any thread; each method that calls takes its turn."""

    def __init__(self, client: Client, wanted: Wanted = Wanted(), lease_s: float = LEASE_S) -> None:
        self.progress = Progress()
        self._client = client
        self._wanted = wanted
        self._lease_s = lease_s
        self._held: list[Held] = []
        self._done: list[tuple[str, str]] = []
        self._subject = ""
        self._turn = threading.Lock()

    @property
    def current(self) -> Held | None:
        """The case to read now; None where none is held."""
        return self._held[0] if self._held else None

    @property
    def following(self) -> int:
        """Held cases after it."""
        return max(0, len(self._held) - 1)

    @property
    def has_answered(self) -> bool:
        """Whether there is an answer to take back."""
        return bool(self._done)

    @property
    def left(self) -> int | None:
        """Cases until the limit; None where there is none."""
        return None if self._wanted.most is None else self._wanted.most - self.progress.here.total()

    def fill(self) -> None:
        """Claims until so many are held as can be. Raises ShodhanaError."""
        with self._turn:
            count = min(HELD_AT_ONCE, HELD_AT_ONCE if self.left is None else self.left) - len(self._held)
            if count > 0:
                self._held += self._claimed(count=count, domains=self._wanted.domains)

    def answer(self, held: Held, answer: Answer) -> None:
        """Sends an answer; then the next case is current, also where LeaseLost is raised. Raises ShodhanaError."""
        with self._turn:
            try:
                send(self._client, held.ticket, answer)
            except LeaseLost:
                self._held = [other for other in self._held if other is not held]
                raise
            self._held = [other for other in self._held if other is not held]
            self._done.append((held.case.name, answer.verdict))
            self.progress.here[answer.verdict] += 1
            self.progress.waiting = max(0, self.progress.waiting - (answer.verdict != "skip"))

    def undo(self) -> Held:
        """Takes the last answer back: its case is current again. Raises NothingToUndo, LeaseLost and ShodhanaError."""
        with self._turn:
            if not self._done:
                raise NothingToUndo("nothing was decided here that could be taken back")
            name, verdict = self._done[-1]
            request = pb.UndoDecisionRequest(name=name, request_id=str(uuid.uuid4()))
            self._client.review.UndoDecision(request, timeout=CALL_S)
            self._done.pop()
            self.progress.here[verdict] -= 1
            if not (found := self._claimed(names=[name])):
                raise LeaseLost(f"your decision on {name} is taken back; somebody else has the case by now")
            self._held.insert(0, found[0])
            return found[0]

    def heartbeat(self) -> list[str]:
        """Prolongs the leases; gives the names of cases that are lost and cannot be had again. Raises ShodhanaError."""
        with self._turn:
            leases = [pb.Lease(review_case=held.case.name, fencing_token=held.fence) for held in self._held]
            if not leases:
                return []
            lost = self._prolonged(leases, self._lease_s)
            again = {held.case.name: held for part in fives(lost) for held in self._claimed(names=part)}
            for held in self._held:
                if held.case.name in again:
                    held.fence = again[held.case.name].fence
                elif held.case.name in lost:
                    held.is_lost = True
            self._held = [held for place, held in enumerate(self._held) if place == 0 or not held.is_lost]
            return [name for name in lost if name not in again]

    def look(self) -> Progress:
        """Counts the queue anew. Raises ShodhanaError."""
        found = self._client.review.GetStatistics(pb.GetStatisticsRequest(days=1), timeout=CALL_S)
        mine = [one.decision_count for one in found.experts if one.expert == self._subject]
        self.progress.waiting, self.progress.overdue = found.counts.pending, found.overdue_count
        self.progress.last_day = sum(mine)
        return self.progress

    def leave(self) -> None:
        """Gives what is held back to the queue, each case in its place."""
        with self._turn, suppress(ShodhanaError):
            leases = [pb.Lease(review_case=held.case.name, fencing_token=held.fence) for held in self._held]
            self._held = []
            if leases:
                self._prolonged(leases, LAST_LEASE_S)
                self._wait_for([lease.review_case for lease in leases])

    def _wait_for(self, names: Sequence[str]) -> None:
        """Returns when none of them is held here any more: who begins again at once finds them."""
        ends_at = time.monotonic() + GIVEN_BACK_S
        while time.monotonic() < ends_at:
            found = self._client.review.BatchGetCases(pb.BatchGetCasesRequest(names=names), timeout=CALL_S).cases
            if all(case.holder != self._subject for case in found):
                return
            time.sleep(LOOK_S)

    def _prolonged(self, leases: Sequence[pb.Lease], lease_s: float) -> list[str]:
        """Names of those that were lost."""
        duration = Duration(seconds=int(lease_s))
        requests = [pb.HeartbeatCasesRequest(leases=part, lease_duration=duration) for part in fives(leases)]
        answers = [self._client.review.HeartbeatCases(request, timeout=CALL_S) for request in requests]
        return [name for answer in answers for name in answer.lost]

    def _claimed(self, **wanted: object) -> list[Held]:
        more = {"include_escalated": True, "include_disputed": True} if self._wanted.with_escalated else {}
        found = claim(self._client, self._lease_s, **wanted, **more)
        name_experts(self._client, (one.review_case for one in found))
        for one in found:
            self._subject = one.review_case.holder
        return [Held(one.review_case, one.lease.fencing_token) for one in found]


def fives(things: Sequence[Thing]) -> Iterator[Sequence[Thing]]:
    """In parts of as many as one call takes: an undone case may be held beyond those that were claimed."""
    return (things[start : start + HELD_AT_ONCE] for start in range(0, len(things), HELD_AT_ONCE))
