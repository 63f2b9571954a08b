"""Any sequence of claims, decisions, expiries and undos leaves the queue as a simple model of it says."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import asyncpg
import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from shodhana.review.__main__ import PLANS
from shodhana.review.adapters.postgres_queue import PostgresQueue
from shodhana.review.domain.cases import DOMAINS, Answer, Claim, Decision, NewCase, State, Verdict
from shodhana.review.domain.errors import CaseStateWrong, LeaseLost
from shodhana.runtime.postgres import open_pool
from shodhana.runtime.settings import RuntimeSettings

EXPERTS = st.sampled_from(["users/1", "users/2", "users/3"])
PICK = st.integers(0, 10**6)
SLA_S = 3600.0
AFTER = {Verdict.ACCEPT: State.APPROVED, Verdict.CORRECT: State.APPROVED, Verdict.REJECT: State.REJECTED}
Run = Callable[[Awaitable[Any]], Any]


@dataclass
class Modelled:
    """A case as it should be; `rank` orders those that wait."""

    rank: int
    state: State = State.PENDING
    is_escalated: bool = False
    holder: str | None = None
    fence: int = 0
    undoable: tuple[Answer, int, bool] | None = None
    """The last decision, with the rank and the escalation before it, while nobody has claimed the case since."""
    drafts: int = field(default=0)

    @property
    def waiting(self) -> State:
        return State.EXPERT_ESCALATION if self.is_escalated else State.PENDING


class QueueMachine(RuleBasedStateMachine):
    """The queue beside its model."""

    def __init__(self, run: Run, pool: asyncpg.Pool) -> None:
        super().__init__()
        self._run, self._pool = run, pool
        self._queue = PostgresQueue(pool, SLA_S)
        self._cases: dict[int, Modelled] = {}
        self._last: tuple[Answer, Decision, State] | None = None
        self._ranks = 0
        run(self._begin())

    async def _begin(self) -> None:
        """Other examples left theirs: each has a database that only looks empty, since what they left is settled."""
        await self._pool.execute(
            "UPDATE review_cases SET state = 'rejected', holder = NULL, lease_until = NULL "
            "WHERE state IN ('pending', 'in_review', 'expert_escalation')"
        )

    def _of(self, *states: State) -> list[int]:
        return [case_id for case_id, case in self._cases.items() if case.state in states]

    @rule(count=st.integers(1, 3))
    def add(self, count: int) -> None:
        new = [NewCase(DOMAINS[i % 4], f"heard {i}", "talk.srt", b"") for i in range(count)]
        for case_id in self._run(self._queue.add(new, str(uuid.uuid4()))).case_ids:
            self._ranks += 1
            self._cases[case_id] = Modelled(self._ranks)

    @rule(expert=EXPERTS, count=st.integers(1, 5), with_escalated=st.booleans())
    def claim(self, expert: str, count: int, with_escalated: bool) -> None:
        open_states = [State.PENDING, *([State.EXPERT_ESCALATION] if with_escalated else [])]
        expected = sorted(self._of(*open_states), key=lambda case_id: self._cases[case_id].rank)[:count]
        wanted = Claim(count, (), expert, 600, str(uuid.uuid4()), with_escalated)
        held = self._run(self._queue.claim(wanted))
        assert [case.case_id for case, _ in held] == expected
        for _, lease in held:
            case = self._cases[lease.case_id]
            assert lease.fence > case.fence
            case.state, case.holder, case.fence, case.undoable = State.IN_REVIEW, expert, lease.fence, None
        assert [case.case_id for case, _ in self._run(self._queue.claim(wanted))] == expected, "repeated"

    @precondition(lambda self: self._of(State.IN_REVIEW))
    @rule(pick=PICK, verdict=st.sampled_from(list(Verdict)))
    def decide(self, pick: int, verdict: Verdict) -> None:
        case_id, case = self._picked(pick, State.IN_REVIEW)
        assert case.holder
        answer = self._answer(case_id, case.fence, case.holder, verdict)
        decided = self._run(self._queue.decide(answer))
        case.undoable = (answer, case.rank, case.is_escalated)
        case.is_escalated = case.is_escalated or verdict is Verdict.ESCALATE
        if verdict is Verdict.SKIP:
            self._ranks += 1
            case.rank = self._ranks
        case.state, case.holder = AFTER.get(verdict, case.waiting), None
        assert decided.state is case.state
        self._last = (answer, decided.decision, decided.state)

    @precondition(lambda self: self._last)
    @rule()
    def send_the_last_decision_again(self) -> None:
        assert self._last is not None
        answer, decision, state = self._last
        again = self._run(self._queue.decide(answer))
        assert again.state is state
        assert replace(again.decision, undone_at=None, undone_by=None) == decision

    @precondition(lambda self: self._cases)
    @rule(pick=PICK, expert=EXPERTS, late=st.integers(0, 2))
    def decide_what_is_not_held(self, pick: int, expert: str, late: int) -> None:
        case_id, case = self._picked(pick, *State)
        fence = case.fence - late
        if case.holder == expert and not late:
            return
        answer = self._answer(case_id, fence, expert, Verdict.CORRECT)
        with pytest.raises(LeaseLost):
            self._run(self._queue.decide(answer))
        case.drafts += 1

    @precondition(lambda self: self._of(State.IN_REVIEW))
    @rule(pick=PICK)
    def let_a_lease_end(self, pick: int) -> None:
        case_id, case = self._picked(pick, State.IN_REVIEW)
        ended = "UPDATE review_cases SET lease_until = now() - interval '1 s' WHERE case_id = $1"
        self._run(self._pool.execute(ended, case_id))
        assert self._run(self._queue.sweep()) == 1
        case.state, case.holder = case.waiting, None

    @precondition(lambda self: self._cases)
    @rule(pick=PICK, expert=EXPERTS)
    def undo(self, pick: int, expert: str) -> None:
        case_id, case = self._picked(pick, *State)
        undoing = self._queue.undo(case_id, expert, 600, str(uuid.uuid4()))
        if case.undoable is None or case.undoable[0].expert != expert:
            with pytest.raises(CaseStateWrong):
                self._run(undoing)
            return
        _, case.rank, case.is_escalated = case.undoable
        self._run(undoing)
        case.state, case.holder, case.undoable = case.waiting, None, None
        case.fence += 1

    @invariant()
    def the_queue_is_as_the_model_says(self) -> None:
        rows = self._run(
            self._pool.fetch(
                "SELECT case_id, state, holder, fence, (SELECT count(*) FROM drafts AS d WHERE d.case_id = c.case_id) "
                "AS drafts FROM review_cases AS c WHERE case_id = ANY($1::bigint[])",
                list(self._cases),
            )
        )
        found = {row["case_id"]: tuple(row)[1:] for row in rows}
        assert found == {
            case_id: (case.state.value, case.holder, case.fence, case.drafts) for case_id, case in self._cases.items()
        }

    @invariant()
    def what_stands_is_decided_once(self) -> None:
        counted = self._run(
            self._pool.fetch(
                "SELECT case_id, count(*) AS count FROM expert_decisions WHERE case_id = ANY($1::bigint[]) "
                "AND undone_at IS NULL AND verdict IN ('accept', 'correct', 'reject') GROUP BY 1",
                list(self._cases),
            )
        )
        settled = self._of(State.APPROVED, State.REJECTED)
        assert {row["case_id"]: row["count"] for row in counted} == dict.fromkeys(settled, 1)

    def _picked(self, pick: int, *states: State) -> tuple[int, Modelled]:
        candidates = self._of(*states)
        case_id = candidates[pick % len(candidates)]
        return case_id, self._cases[case_id]

    def _answer(self, case_id: int, fence: int, expert: str, verdict: Verdict) -> Answer:
        text = "bhakti" if verdict in (Verdict.ACCEPT, Verdict.CORRECT) else ""
        return Answer(case_id, fence, verdict, "lexicon_correction", text, "", expert, str(uuid.uuid4()))


def test_the_queue_behaves_as_its_model(postgres_database: Any) -> None:
    chosen = RuntimeSettings(database_url=postgres_database.role_url("review"), pool_min=1, pool_max=4)
    checked = settings(
        max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    with asyncio.Runner() as runner:
        opening = open_pool(chosen, "review", PLANS)
        pool = runner.run(opening.__aenter__())
        try:
            run_state_machine_as_test(lambda: QueueMachine(runner.run, pool), settings=checked)
        finally:
            runner.run(opening.__aexit__(None, None, None))
