"""The audit trail that nobody can change, and the lessons that decisions leave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import asyncpg
import grpc
import pytest
from shodhana.api.review.v1 import review_pb2 as pb
from shodhana.review.adapters.postgres_trail import PostgresTrail
from shodhana.review.domain.trail import EventKind, Lesson

from tests.integration.review.calls import ADMIN, Stub, accept, claim, create, new_id, refusal


@pytest.fixture
async def owner(postgres_database: Any) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_database.url)
    yield connection
    await connection.close()


async def events(stub: Stub, count: int, **query: Any) -> list[pb.CaseEvent]:
    """The newest events, once there are so many."""
    async with asyncio.timeout(60):
        while True:
            request = pb.ListCaseEventsRequest(page_size=100, **query)
            found = (await stub("users/boss", ADMIN).ListCaseEvents(request)).events
            if len(found) >= count:
                return list(found)
            await asyncio.sleep(0.02)  # the relay has not written them yet


async def test_whatever_is_done_to_a_case_is_written_down(stub: Stub) -> None:
    [name] = await create(stub, 1)
    held = await claim(stub())
    decided = (await stub().DecideCase(accept(held))).review_case.decision
    await stub().UndoDecision(pb.UndoDecisionRequest(name=name, request_id=new_id()))
    held = await claim(stub("users/2"))
    answer = pb.SkipCaseRequest(name=name, fencing_token=held.lease.fencing_token, request_id=new_id())
    await stub("users/2").SkipCase(answer)
    held = await claim(stub("users/2"))
    escalation = pb.EscalateCaseRequest(name=name, fencing_token=held.lease.fencing_token, request_id=new_id())
    await stub("users/2").EscalateCase(escalation)
    await stub("users/3").CreateComment(pb.CreateCommentRequest(parent=name, text="why?", request_id=new_id()))
    found = [(pb.CaseEventKind.Name(one.kind)[16:], one.actor) for one in reversed(await events(stub, 9))]
    assert found == [
        ("CREATED", ""),
        ("CLAIMED", "users/1"),
        ("DECIDED", "users/1"),
        ("UNDONE", "users/1"),
        ("CLAIMED", "users/2"),
        ("SKIPPED", "users/2"),
        ("CLAIMED", "users/2"),
        ("ESCALATED", "users/2"),
        ("COMMENTED", "users/3"),
    ]
    of_one = await events(stub, 1, actor="users/1", kinds=[pb.CASE_EVENT_KIND_UNDONE], review_case=name)
    assert [one.decision for one in of_one] == [decided.name]


async def test_events_are_listed_in_pages_to_administrators(stub: Stub) -> None:
    await create(stub, 7)
    whole = await events(stub, 7)
    seen, token = [], ""
    while not seen or token:
        request = pb.ListCaseEventsRequest(page_size=3, page_token=token)
        page = await stub("users/boss", ADMIN).ListCaseEvents(request)
        seen, token = [*seen, *page.events], page.next_page_token
    assert seen == whole
    code, _, metadata = await refusal(stub().ListCaseEvents(pb.ListCaseEventsRequest()))
    assert (code, metadata) == (grpc.StatusCode.PERMISSION_DENIED, {"permission": "system:admin"})


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE case_events SET actor = 'nobody'",
        "DELETE FROM case_events",
        "TRUNCATE case_events",
        "INSERT INTO case_events SELECT * FROM case_events",
        "DROP TABLE case_events",
        "ALTER TABLE outbox DISABLE TRIGGER ALL",
        "TRUNCATE outbox",
        "UPDATE outbox SET actor = 'nobody'",
        "DELETE FROM expert_decisions",
        "UPDATE expert_decisions SET decided_text = 'x'",
        "UPDATE expert_decisions SET expert = 'users/2'",
        "DELETE FROM review_cases",
        "UPDATE comments SET text = 'x'",
        "DELETE FROM comments",
        "INSERT INTO lessons SELECT * FROM lessons",
    ],
)
async def test_the_services_role_cannot_rewrite_what_happened(pool: asyncpg.Pool, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await pool.execute(statement)


async def test_what_is_taken_out_of_the_outbox_by_hand_is_in_the_trail_too(
    pool: asyncpg.Pool, owner: asyncpg.Connection
) -> None:
    await pool.execute("INSERT INTO outbox (case_id, kind, actor) VALUES (7, 'decided', 'users/1')")
    await pool.execute("DELETE FROM outbox")
    row = await owner.fetchrow("SELECT case_id, kind, actor FROM review.case_events")
    assert row is not None
    assert tuple(row) == (7, "decided", "users/1")


async def test_an_administrator_takes_a_decision_back_later_with_a_reason(stub: Stub) -> None:
    [name] = await create(stub, 1)
    decided = (await stub().DecideCase(accept(await claim(stub())))).review_case.decision
    admin = stub("users/boss", ADMIN)
    request = pb.RevokeDecisionRequest(name=decided.name, comment="wrong verse", request_id=new_id())
    assert (await refusal(stub().RevokeDecision(request)))[0] == grpc.StatusCode.PERMISSION_DENIED
    revoked = await admin.RevokeDecision(request)
    assert revoked.state == pb.CASE_STATE_PENDING
    assert (revoked.decision.name, revoked.decision.undone_by) == (decided.name, "users/boss")
    held = await claim(stub("users/2"))
    assert await admin.RevokeDecision(request) == revoked
    [comment] = (await stub().ListComments(pb.ListCommentsRequest(parent=name))).comments
    assert (comment.author, comment.text) == ("users/boss", "wrong verse")
    await stub("users/2").DecideCase(accept(held))
    history = (await stub().ListDecisions(pb.ListDecisionsRequest(parent=name))).decisions
    assert [(one.expert, one.undone_by) for one in history] == [("users/2", ""), ("users/1", "users/boss")]


async def test_only_the_last_decision_is_revoked_and_none_while_the_case_is_held(stub: Stub) -> None:
    [name] = await create(stub, 1)
    held = await claim(stub())
    skip = pb.SkipCaseRequest(name=name, fencing_token=held.lease.fencing_token, request_id=new_id())
    skipped = (await stub().SkipCase(skip)).decision
    await claim(stub("users/2"))
    admin = stub("users/boss", ADMIN)
    request = pb.RevokeDecisionRequest(name=skipped.name, comment="x", request_id=new_id())
    assert (await refusal(admin.RevokeDecision(request)))[1] == "CASE_STATE"
    unknown = pb.RevokeDecisionRequest(name=f"{name}/decisions/99", comment="x", request_id=new_id())
    assert (await refusal(admin.RevokeDecision(unknown)))[0] == grpc.StatusCode.NOT_FOUND


async def test_decisions_and_retractions_are_lessons_until_they_are_learned(stub: Stub, pool: asyncpg.Pool) -> None:
    [name, other] = await create(stub, 2)
    decided = (await stub().DecideCase(accept(await claim(stub())))).review_case.decision
    skipped = await claim(stub())
    skip = pb.SkipCaseRequest(name=other, fencing_token=skipped.lease.fencing_token, request_id=new_id())
    await stub().SkipCase(skip)
    await stub().UndoDecision(pb.UndoDecisionRequest(name=name, request_id=new_id()))
    await events(stub, 7)
    trail = PostgresTrail(pool, pool)
    with pytest.raises(ZeroDivisionError):
        await learn(trail, lambda _: 1 / 0)
    lessons: list[Lesson] = []
    await learn(trail, lessons.extend)
    assert [lesson.kind for lesson in lessons] == [EventKind.DECIDED, EventKind.UNDONE]
    first = lessons[0]
    assert (first.heard, first.corrected, first.entry, first.expert) == ("bakti 0", "bhakti", "bhakti", "users/1")
    assert f"reviewCases/{first.case_id}/decisions/{first.decision_id}" == decided.name
    await learn(trail, lessons.extend)
    assert len(lessons) == 2


async def test_two_who_learn_at_once_learn_different_lessons(stub: Stub, pool: asyncpg.Pool) -> None:
    await create(stub, 4)
    for _ in range(4):
        await stub().DecideCase(accept(await claim(stub())))
    await events(stub, 12)
    trail = PostgresTrail(pool, pool)
    async with trail.take(2) as ours, trail.take(9) as theirs:
        assert len({lesson.decision_id for lesson in [*ours, *theirs]}) == 4


async def learn(trail: PostgresTrail, how: Callable[[Sequence[Lesson]], object]) -> None:
    async with trail.take(10) as lessons:
        how(lessons)
