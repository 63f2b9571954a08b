"""Getting, listing and watching cases, and the audit trail."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from shodhana.api.review.v1 import review_pb2 as pb
from shodhana.runtime.pages import PageTokenInvalid, decode_page_token, encode_page_token
from shodhana.runtime.timestamps import timestamp

from ..domain.cases import Case, CaseQuery, Order, State
from ..domain.trail import CaseEvent, EventKind, EventQuery
from .base import DEFAULT_PAGE, Rpcs, caller
from .translation import (
    STATES_BY_NUMBER,
    VERDICTS_BY_NUMBER,
    case_id_of,
    case_message,
    case_name,
    counts_message,
    decision_message,
)

OPEN = (State.PENDING, State.IN_REVIEW)
MAX_ID = 10**18
COUNTS_EVERY_S = 5.0
AT_ONCE = 500
KINDS = {kind: getattr(pb, f"CASE_EVENT_KIND_{kind.name}") for kind in EventKind}
KINDS_BY_NUMBER = {number: kind for kind, number in KINDS.items()}


class ReadingRpcs(Rpcs):
    """What changes nothing."""

    async def GetCase(self, request: pb.GetCaseRequest, context: Any) -> pb.ReviewCase:
        case = await self.ports.queue.case(case_id_of(request.name))
        return case_message(await self.ports.queue.with_reads(case), caller())

    async def BatchGetCases(self, request: pb.BatchGetCasesRequest, context: Any) -> pb.BatchGetCasesResponse:
        found = await self.ports.queue.cases([case_id_of(name) for name in request.names])
        return pb.BatchGetCasesResponse(cases=map(case_message, found))

    async def ListCases(self, request: pb.ListCasesRequest, context: Any) -> pb.ListCasesResponse:
        size = request.page_size or DEFAULT_PAGE
        query = _query(request, size + 1)
        found = await self.ports.queue.find(query)
        token = _token(found[size - 1], query.order) if len(found) > size else ""
        return pb.ListCasesResponse(cases=map(case_message, found[:size]), next_page_token=token)

    async def ListDecisions(self, request: pb.ListDecisionsRequest, context: Any) -> pb.ListDecisionsResponse:
        size, case_id = request.page_size or DEFAULT_PAGE, case_id_of(request.parent)
        suggestions = pb.NewCase.FromString((await self.ports.queue.case(case_id)).body).suggestions
        found = await self.ports.queue.decisions(case_id, position(request.page_token), size + 1)
        token = encode_page_token({"id": found[size - 1].decision_id}) if len(found) > size else ""
        decisions = [decision_message(decision, suggestions) for decision in found[:size]]
        return pb.ListDecisionsResponse(decisions=decisions, next_page_token=token)

    async def WatchCases(self, request: pb.WatchCasesRequest, context: Any) -> AsyncIterator[pb.WatchCasesResponse]:
        subject, domains = caller(), request.domains
        async with self.ports.changes.watch() as changes:
            counts_due_at = 0.0
            changed: list[int] | None = None
            while True:
                now = time.monotonic()
                if changed is None or (changed and now >= counts_due_at):
                    yield pb.WatchCasesResponse(counts=counts_message(await self.ports.figures.counts()))
                    counts_due_at, changed = now + COUNTS_EVERY_S, []
                fresh = await _next(changes, counts_due_at - time.monotonic() if changed else None)
                for case in await self.ports.queue.cases(fresh or []):
                    if case.is_shown_to(subject) and (not domains or case.domain in domains):
                        yield pb.WatchCasesResponse(review_case=case_message(case))
                changed = None if fresh is None else [*changed[:1], *fresh[:1]]

    async def ListCaseEvents(self, request: pb.ListCaseEventsRequest, context: Any) -> pb.ListCaseEventsResponse:
        size = request.page_size or DEFAULT_PAGE
        query = EventQuery(
            case_id=case_id_of(request.review_case) if request.review_case else None,
            actor=request.actor,
            kinds=tuple(KINDS_BY_NUMBER[number] for number in request.kinds),
            before=position(request.page_token),
            limit=size + 1,
        )
        found = await self.ports.trail.events(query)
        token = encode_page_token({"id": found[size - 1].event_id}) if len(found) > size else ""
        return pb.ListCaseEventsResponse(events=map(_event, found[:size]), next_page_token=token)


async def _next(changes: asyncio.Queue[int | None], patience_s: float | None) -> list[int] | None:
    """The ids of all cases that changed, each once; none when the patience ends, None after a gap."""
    try:
        async with asyncio.timeout(None if patience_s is None else max(patience_s, 0)):
            first = await changes.get()
    except TimeoutError:
        return []
    found = [first]
    while not changes.empty() and len(found) < AT_ONCE:
        found.append(changes.get_nowait())
    ids = [case_id for case_id in dict.fromkeys(found) if case_id is not None]
    return ids if None not in found else None


def position(page_token: str) -> int | None:
    """The id after which a page begins. Raises PageTokenInvalid for a token of another list."""
    if not page_token:
        return None
    return _id(decode_page_token(page_token))


def _id(token: dict[str, Any]) -> int:
    found = token.get("id")
    if not isinstance(found, int) or not 0 < found < MAX_ID:
        raise PageTokenInvalid
    return found


def _query(request: pb.ListCasesRequest, limit: int) -> CaseQuery:
    subject = caller()
    order = Order.LAST_DECIDED if request.order == pb.CASE_ORDER_LAST_DECIDED else Order.QUEUE
    states = tuple(STATES_BY_NUMBER[number] for number in request.states)
    of_decided = order is Order.LAST_DECIDED or request.expert or request.verdicts
    return CaseQuery(
        states=states or (() if of_decided or request.only_overdue else OPEN),
        domains=tuple(request.domains),
        filename=request.filename,
        heard=request.heard,
        holder=subject if request.holder == "me" else request.holder,
        expert=subject if request.expert == "me" else request.expert,
        verdicts=tuple(VERDICTS_BY_NUMBER[number] for number in request.verdicts),
        only_overdue=request.only_overdue,
        order=order,
        caller=subject,
        after=_after(request.page_token),
        limit=limit,
    )


def _token(last: Case, order: Order) -> str:
    if order is Order.LAST_DECIDED and last.decision is not None:
        moment, last_id = last.decision.created_at, last.decision.decision_id
    else:
        moment, last_id = last.rank_at, last.case_id
    return encode_page_token({"rank": moment.isoformat(), "id": last_id})


def _after(page_token: str) -> tuple[datetime, int] | None:
    """Where the page before ended. Raises PageTokenInvalid for a token of another list."""
    if not page_token:
        return None
    token = decode_page_token(page_token)
    try:
        rank_at = datetime.fromisoformat(token["rank"])
    except (KeyError, TypeError, ValueError) as error:
        raise PageTokenInvalid from error
    if rank_at.tzinfo is None:
        raise PageTokenInvalid
    return rank_at, _id(token)


def _event(event: CaseEvent) -> pb.CaseEvent:
    name = case_name(event.case_id)
    return pb.CaseEvent(
        name=f"reviewEvents/{event.event_id}",
        kind=KINDS[event.kind],
        review_case=name,
        actor=event.actor,
        decision=f"{name}/decisions/{event.decision_id}" if event.decision_id else "",
        create_time=timestamp(event.created_at),
    )
