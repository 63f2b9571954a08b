"""The queue over a real Postgres: leases, fences, replays, a drain by many."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from shodhana.review.adapters.postgres_figures import PostgresFigures
from shodhana.review.adapters.postgres_queue import PostgresQueue
from shodhana.review.domain.cases import Answer, CaseQuery, Claim, NewCase, State, Verdict
from shodhana.review.domain.errors import CaseStateWrong, LeaseLost, RequestIdReused, UndoWindowClosed


def cases(count: int, boost: int = 0) -> list[NewCase]:
    domains = ("spiritual", "philosophical", "scriptural", "general")
    return [NewCase(domains[i % 4], f"heard {i}", "talk.srt", b"", boost) for i in range(count)]


def answer(case_id: int, fence: int, **changes: Any) -> Answer:
    fields = {
        "verdict": Verdict.ACCEPT,
        "decision_type": "lexicon_correction",
        "decided_text": "bhakti",
        "comment": "",
        "expert": "users/1",
        "request_id": str(uuid.uuid4()),
    }
    return Answer(case_id, fence, **{**fields, **changes})


async def claim(
    queue: PostgresQueue, count: int = 1, expert: str = "users/1", lease_s: float = 60.0, **changes: Any
) -> list[Any]:
    fields = {"domains": (), "claim_id": str(uuid.uuid4()), **changes}
    return await queue.claim(Claim(count=count, expert=expert, lease_s=lease_s, **fields))


def new_id() -> str:
    return str(uuid.uuid4())


async def swept(queue: PostgresQueue) -> None:
    """Waits for the database's clock to end a lease."""
    async with asyncio.timeout(60):
        while not await queue.sweep():  # noqa: ASYNC110 — the database's clock has to move on
            await asyncio.sleep(0.01)


async def test_a_repeated_batch_adds_nothing(queue: PostgresQueue, figures: PostgresFigures) -> None:
    request_id = str(uuid.uuid4())
    first = await queue.add(cases(3), request_id)
    assert await queue.add(cases(3), request_id) == first
    assert (await figures.counts())[State.PENDING] == 3


async def test_a_place_keeps_its_case_however_often_its_file_is_corrected(queue: PostgresQueue) -> None:
    placed = [replace(case, place=("talk.srt", str(number // 2))) for number, case in enumerate(cases(4))]
    first = await queue.add(placed[1:3], new_id())
    assert first.new_count == 2
    [(case, lease), _] = await claim(queue, 2)
    await queue.decide(answer(case.case_id, lease.fence))
    request_id = new_id()
    again = await queue.add([*placed, replace(placed[0], place=("other.srt", "0"))], request_id)
    assert again.case_ids[:4] == tuple(one for one in first.case_ids for _ in range(2)), "decided or not"
    assert again.new_count == 1
    assert again.case_ids[4] not in first.case_ids
    repeated = await queue.add([*placed, replace(placed[0], place=("other.srt", "0"))], request_id)
    assert repeated == again


async def test_a_place_that_two_files_send_at_once_has_one_case(queue: PostgresQueue) -> None:
    placed = [replace(case, place=("talk.srt", case.heard)) for case in cases(20)]
    added = await asyncio.gather(*(queue.add(placed, new_id()) for _ in range(6)))
    assert {one.case_ids for one in added} == {added[0].case_ids}
    assert sum(one.new_count for one in added) == 20


async def test_nobody_gets_a_case_that_is_held_and_urgent_ones_come_first(queue: PostgresQueue) -> None:
    await queue.add(cases(4), str(uuid.uuid4()))
    urgent = await queue.add(cases(1, boost=9), str(uuid.uuid4()))
    first = await claim(queue, 3)
    second = await claim(queue, 3, "users/2")
    assert first[0][0].case_id == urgent.case_ids[0]
    ids = [case.case_id for case, _ in first + second]
    assert len(ids) == len(set(ids)) == 5
    assert await claim(queue, 1, "users/3") == []


async def test_a_repeated_claim_gets_the_same_cases(queue: PostgresQueue) -> None:
    await queue.add(cases(4), str(uuid.uuid4()))
    claim_id = str(uuid.uuid4())
    first = await claim(queue, 2, claim_id=claim_id)
    assert len(first) == 2
    assert await claim(queue, 2, claim_id=claim_id) == first
    (case, lease), (kept, _) = first
    await queue.decide(answer(case.case_id, lease.fence))
    assert [held.case_id for held, _ in await claim(queue, 2, claim_id=claim_id)] == [kept.case_id]


async def test_claims_with_one_request_id_that_run_at_once_take_once(
    queue: PostgresQueue, figures: PostgresFigures
) -> None:
    await queue.add(cases(40), new_id())
    for _ in range(5):
        claim_id = new_id()
        answers = await asyncio.gather(*(claim(queue, 2, claim_id=claim_id) for _ in range(8)))
        assert answers == [answers[0]] * 8
    assert (await figures.counts())[State.IN_REVIEW] == 10


async def test_a_claim_repeated_after_its_case_passed_on_takes_nothing_new(queue: PostgresQueue) -> None:
    await queue.add(cases(3), new_id())
    claim_id = new_id()
    [(case, lease)] = await claim(queue, claim_id=claim_id)
    await queue.decide(answer(case.case_id, lease.fence))
    assert await claim(queue, claim_id=claim_id) == []


async def test_a_decision_is_made_once_and_its_repetition_gets_the_same_answer(queue: PostgresQueue) -> None:
    await queue.add(cases(1), str(uuid.uuid4()))
    [(case, lease)] = await claim(queue)
    sent = answer(case.case_id, lease.fence)
    decided = await queue.decide(sent)
    assert decided.state is State.APPROVED
    assert (await queue.decide(sent)).decision == decided.decision
    with pytest.raises(RequestIdReused):
        await queue.decide(answer(case.case_id, lease.fence, decided_text="x", request_id=sent.request_id))


@pytest.mark.parametrize("change", [{"comment": "other"}, {"decision_type": "false_positive"}, {"expert": "users/2"}])
async def test_a_request_id_with_another_decision_is_refused(queue: PostgresQueue, change: dict[str, str]) -> None:
    await queue.add(cases(1), new_id())
    [(case, lease)] = await claim(queue)
    sent = answer(case.case_id, lease.fence)
    await queue.decide(sent)
    with pytest.raises(RequestIdReused):
        await queue.decide(replace(sent, **change))


async def test_a_repeated_decision_gets_its_own_answer_not_what_came_after(queue: PostgresQueue) -> None:
    await queue.add(cases(1), new_id())
    [(case, lease)] = await claim(queue)
    sent = answer(case.case_id, lease.fence)
    first = await queue.decide(sent)
    await queue.undo(case.case_id, "users/1", 300, new_id())
    [(_, second)] = await claim(queue, expert="users/2")
    await queue.decide(answer(case.case_id, second.fence, expert="users/2", verdict=Verdict.REJECT))
    again = await queue.decide(sent)
    assert again.state is State.APPROVED
    assert again.decision is not None
    assert first.decision is not None
    assert again.decision.decision_id == first.decision.decision_id


async def test_a_repeated_batch_with_other_cases_is_refused_and_adds_nothing(
    queue: PostgresQueue, figures: PostgresFigures
) -> None:
    request_id = new_id()
    await queue.add(cases(3), request_id)
    for other in (cases(5), cases(2), cases(3, boost=1)):
        with pytest.raises(RequestIdReused):
            await queue.add(other, request_id)
    assert (await figures.counts())[State.PENDING] == 3


async def test_a_lost_lease_decides_nothing_and_the_text_is_kept(queue: PostgresQueue, pool: asyncpg.Pool) -> None:
    await queue.add(cases(1), str(uuid.uuid4()))
    [(case, old)] = await claim(queue, lease_s=0.05)
    await swept(queue)
    [(_, new)] = await claim(queue, expert="users/2")
    assert new.fence > old.fence
    with pytest.raises(LeaseLost):
        await queue.decide(answer(case.case_id, old.fence, decided_text="my careful text"))
    assert await pool.fetchval("SELECT decided_text FROM drafts") == "my careful text"
    assert (await queue.decide(answer(case.case_id, new.fence, expert="users/2"))).state is State.APPROVED


async def test_a_heartbeat_prolongs_what_is_held_and_names_what_is_lost(queue: PostgresQueue) -> None:
    await queue.add(cases(2), str(uuid.uuid4()))
    held = [lease for _, lease in await claim(queue, 2)]
    assert {lease.case_id for lease in await queue.prolong(held, "users/1", 100)} == {lease.case_id for lease in held}
    assert await queue.prolong(held, "users/2", 100) == []


async def test_undo_puts_the_case_back_within_the_window_only(queue: PostgresQueue) -> None:
    await queue.add(cases(1), new_id())
    [(case, lease)] = await claim(queue)
    await queue.decide(answer(case.case_id, lease.fence))
    with pytest.raises(CaseStateWrong):
        await queue.undo(case.case_id, "users/2", 300, new_id())
    with pytest.raises(UndoWindowClosed):
        await queue.undo(case.case_id, "users/1", 0, new_id())
    undone = await queue.undo(case.case_id, "users/1", 300, new_id())
    assert undone.state is State.PENDING
    assert undone.rank_at == case.rank_at
    assert undone.decision is not None
    assert undone.decision.undone_at is not None
    assert (await queue.undo(case.case_id, "users/1", 300, new_id())).state is State.PENDING


async def test_a_repeated_undo_leaves_the_decision_that_came_after(queue: PostgresQueue) -> None:
    await queue.add(cases(2), new_id())
    [(case, lease)] = await claim(queue)
    first = await queue.decide(answer(case.case_id, lease.fence))
    undo_id = new_id()
    undone = await queue.undo(case.case_id, "users/1", 300, undo_id)
    [(again, newer)] = await claim(queue)
    assert again.case_id == case.case_id
    await queue.decide(answer(case.case_id, newer.fence, verdict=Verdict.REJECT))
    assert await queue.undo(case.case_id, "users/1", 300, undo_id) == undone
    assert (await queue.case(case.case_id)).state is State.REJECTED
    assert first.decision is not None
    [(other, lease)] = await claim(queue)
    await queue.decide(answer(other.case_id, lease.fence))
    with pytest.raises(RequestIdReused):
        await queue.undo(other.case_id, "users/1", 300, undo_id)
    assert (await queue.case(other.case_id)).state is State.APPROVED


async def test_undo_at_once_from_two_sides_undoes_once(queue: PostgresQueue, pool: asyncpg.Pool) -> None:
    await queue.add(cases(1), new_id())
    [(case, lease)] = await claim(queue)
    await queue.decide(answer(case.case_id, lease.fence))
    undo_id = new_id()
    await pool.execute("DELETE FROM outbox")
    results = await asyncio.gather(*(queue.undo(case.case_id, "users/1", 300, undo_id) for _ in range(6)))
    assert {result.state for result in results} == {State.PENDING}
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 1


async def test_a_skip_is_not_undone_once_somebody_has_claimed_the_case(queue: PostgresQueue) -> None:
    await queue.add(cases(1), new_id())
    [(case, lease)] = await claim(queue)
    await queue.decide(answer(case.case_id, lease.fence, verdict=Verdict.SKIP))
    [(_, theirs)] = await claim(queue, expert="users/2")
    with pytest.raises(CaseStateWrong):
        await queue.undo(case.case_id, "users/1", 300, new_id())
    now = await queue.case(case.case_id)
    assert (now.state, now.holder) == (State.IN_REVIEW, "users/2")
    assert now.decision is not None
    assert now.decision.undone_at is None
    assert (await queue.decide(answer(case.case_id, theirs.fence, expert="users/2"))).state is State.APPROVED


async def test_a_skipped_case_comes_after_all_that_wait(queue: PostgresQueue) -> None:
    ids = (await queue.add(cases(5), new_id())).case_ids
    [(skipped, lease)] = await claim(queue)
    assert skipped.case_id == ids[0]
    await queue.decide(answer(skipped.case_id, lease.fence, verdict=Verdict.SKIP))
    order = [(await claim(queue))[0][0].case_id for _ in ids]
    assert order == [*ids[1:], ids[0]]


async def test_a_skip_undone_at_once_has_its_place_again(queue: PostgresQueue) -> None:
    await queue.add(cases(3), new_id())
    [(case, lease)] = await claim(queue)
    await queue.decide(answer(case.case_id, lease.fence, verdict=Verdict.SKIP))
    await queue.undo(case.case_id, "users/1", 300, new_id())
    assert (await claim(queue))[0][0].case_id == case.case_id


async def test_an_escalated_case_is_handed_out_to_those_who_ask_for_it_only(queue: PostgresQueue) -> None:
    await queue.add(cases(1), new_id())
    [(case, lease)] = await claim(queue)
    escalated = await queue.decide(answer(case.case_id, lease.fence, verdict=Verdict.ESCALATE))
    assert escalated.state is State.EXPERT_ESCALATION
    assert [found.case_id for found in await queue.find(CaseQuery((State.EXPERT_ESCALATION,)))] == [case.case_id]
    assert await claim(queue) == []
    [(_, senior)] = await claim(queue, expert="users/2", with_escalated=True)
    assert (await queue.decide(answer(case.case_id, senior.fence, expert="users/2"))).state is State.APPROVED
    assert (await queue.undo(case.case_id, "users/2", 300, new_id())).state is State.EXPERT_ESCALATION


async def test_an_escalated_case_given_back_waits_for_a_senior_again(queue: PostgresQueue) -> None:
    await queue.add(cases(1), new_id())
    [(case, lease)] = await claim(queue)
    await queue.decide(answer(case.case_id, lease.fence, verdict=Verdict.ESCALATE))
    [(_, senior)] = await claim(queue, with_escalated=True)
    skipped = await queue.decide(answer(case.case_id, senior.fence, verdict=Verdict.SKIP))
    assert skipped.state is State.EXPERT_ESCALATION
    assert len(await claim(queue, with_escalated=True, lease_s=0.05)) == 1
    await swept(queue)
    assert (await queue.case(case.case_id)).state is State.EXPERT_ESCALATION


async def test_an_undone_escalation_waits_for_anybody(queue: PostgresQueue) -> None:
    await queue.add(cases(1), new_id())
    [(case, lease)] = await claim(queue)
    await queue.decide(answer(case.case_id, lease.fence, verdict=Verdict.ESCALATE))
    assert (await queue.undo(case.case_id, "users/1", 300, new_id())).state is State.PENDING
    assert len(await claim(queue)) == 1


async def test_each_change_leaves_an_event(queue: PostgresQueue, pool: asyncpg.Pool) -> None:
    async def events() -> list[int]:
        return [row["case_id"] for row in await pool.fetch("DELETE FROM outbox RETURNING case_id")]

    [case_id] = (await queue.add(cases(1), new_id())).case_ids
    assert await events() == [case_id]
    await claim(queue, lease_s=0.05)
    assert await events() == [case_id]
    await swept(queue)
    assert await events() == [case_id]
    [(_, lease)] = await claim(queue)
    assert await events() == [case_id]
    await queue.decide(answer(case_id, lease.fence))
    assert await events() == [case_id]
    await queue.undo(case_id, "users/1", 300, new_id())
    assert await events() == [case_id]


async def test_statistics_count_what_was_decided_and_not_what_was_put_off(
    queue: PostgresQueue, figures: PostgresFigures
) -> None:
    await queue.add(cases(12), new_id())
    verdicts = [Verdict.ACCEPT, Verdict.REJECT, Verdict.CORRECT, Verdict.SKIP, Verdict.ESCALATE]
    for verdict in verdicts:
        [(case, lease)] = await claim(queue, domains=("spiritual",)) or await claim(queue, domains=("general",))
        await queue.decide(answer(case.case_id, lease.fence, verdict=verdict))
    found = await figures.statistics(30)
    assert sum(domain.decision_count for domain in found.domains) == 3
    [expert] = found.experts
    assert (expert.decision_count, expert.accept_count, expert.correct_count, expert.reject_count) == (3, 1, 1, 1)
