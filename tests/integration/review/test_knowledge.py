"""From decisions to the lexicon, over a real Postgres: agreement, disputes, refusals, deaths on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
from shodhana.review.adapters.postgres_insight import PostgresInsight
from shodhana.review.adapters.postgres_leadership import PostgresLeadership
from shodhana.review.adapters.postgres_publications import PostgresPublications
from shodhana.review.domain import canary
from shodhana.review.domain.cases import Claim
from shodhana.review.domain.errors import NothingToPublish, RequestIdReused
from shodhana.review.domain.proposals import Proposal, ProposalQuery, ProposalState, Resolution
from shodhana.review.domain.publications import OVERTAKEN, PublicationState

from tests.integration.review.calls import new_id
from tests.integration.review.knowledge_parts import (
    HEARD,
    MISTAKEN,
    TERM,
    MemoryLexicon,
    MemoryPlaces,
    School,
    known_answers,
)

PAIR = frozenset({(HEARD, TERM)})


@pytest.fixture
def school(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch) -> School:
    monkeypatch.setattr(canary, "shipped", known_answers)
    lexicon = MemoryLexicon()
    return School(pool, lexicon, MemoryPlaces(lexicon))


async def proposals(school: School) -> list[Proposal]:
    return await school.proposals.find(ProposalQuery())


async def agreed(school: School, count: int = 4) -> list[int]:
    """Cases, the first two of which two experts decided alike."""
    ids = await school.add(*[HEARD] * count)
    await school.decide(ids[0], "users/1")
    await school.decide(ids[1], "users/2")
    return ids


def live_pairs(school: School) -> frozenset[tuple[str, str]]:
    return school.lexicon.pairs[school.lexicon.active_name]


async def test_a_quorum_goes_live_and_an_undo_gives_the_state_from_before(school: School) -> None:
    ids = await school.add(*[HEARD] * 4, "harbour")
    before = await school.queue.cases(ids)
    await school.decide(ids[0], "users/1")
    await school.decide(ids[1], "users/1")
    await school.learn()
    assert [one.state for one in await proposals(school)] == [ProposalState.OPEN], "one expert is no quorum"
    await school.decide(ids[2], "users/2")
    await school.learn()
    [live] = await proposals(school)
    assert (live.state, live.kind, live.expert_count, live.gloss) == (ProposalState.LIVE, "entry", 2, "a hermit")
    assert live_pairs(school) == PAIR
    assert await school.states(ids) == ["approved"] * 3 + ["withdrawn", "pending"]
    assert school.places.rechecked == [((HEARD,), live.lexicon_version)]
    assert school.waits

    await school.undo(ids[2], "users/2")
    await school.learn()
    assert (await proposals(school))[0].state is ProposalState.OPEN
    assert live_pairs(school) == frozenset()
    assert await school.states(ids) == ["approved"] * 2 + ["pending"] * 3
    assert [case.body for case in await school.queue.cases(ids)] == [case.body for case in before]
    [taken_back, made] = await school.publications.find(None, 10)
    assert (made.withdrawn_count, taken_back.restored_count) == (1, 1)
    assert (made.state, taken_back.state) == (PublicationState.DONE, PublicationState.DONE)


async def test_different_answers_wait_for_an_adjudicator_whose_word_is_enough(school: School) -> None:
    ids = await agreed(school)
    await school.decide(ids[2], "users/3", MISTAKEN)
    await school.learn()
    assert {one.state for one in await proposals(school)} == {ProposalState.DISPUTED}
    assert live_pairs(school) == frozenset()
    [wanted] = [one for one in await proposals(school) if one.term == MISTAKEN]
    request_id = new_id()
    for _ in range(2):
        found = await school.proposals.resolve(wanted.proposal_id, Resolution.APPROVE, "users/9", request_id)
        assert (found.state, found.resolver) == (ProposalState.APPROVED, "users/9")
    with pytest.raises(RequestIdReused):
        await school.proposals.resolve(wanted.proposal_id, Resolution.REJECT, "users/9", request_id)
    await school.learn()
    states = {one.term: one.state for one in await proposals(school)}
    assert states == {MISTAKEN: ProposalState.LIVE, TERM: ProposalState.REFUSED}
    assert live_pairs(school) == {(HEARD, MISTAKEN)}


async def test_words_that_are_right_as_they_stand_dispute_a_term_and_cannot_be_published(school: School) -> None:
    ids = await agreed(school)
    await school.decide(ids[2], "users/3", "")
    await school.learn()
    assert {one.state for one in await proposals(school)} == {ProposalState.DISPUTED}
    [none] = [one for one in await proposals(school) if not one.term]
    with pytest.raises(NothingToPublish):
        await school.proposals.resolve(none.proposal_id, Resolution.APPROVE, "users/9", new_id())


async def test_a_version_that_makes_known_answers_wrong_is_refused_and_says_which(school: School) -> None:
    school.places.harmed = {"harbour"}
    await agreed(school)
    await school.learn()
    [refused] = await proposals(school)
    assert refused.state is ProposalState.REFUSED
    assert "harbour" in refused.reason
    assert live_pairs(school) == frozenset()
    [publication] = await school.publications.find(None, 10)
    assert (publication.canary_count, publication.canary_right_before, publication.canary_right) == (1, 1, 0)
    await school.learn()
    assert len(await school.publications.find(None, 10)) == 1, "it is not tried again without new support"
    school.places.harmed = set()
    ids = await school.add(HEARD)
    await school.decide(ids[0], "users/3")
    await school.learn()
    assert live_pairs(school) == PAIR


async def test_of_proposals_that_are_refused_together_the_harmless_go_live(school: School) -> None:
    other = await school.add("vasuda", "vasuda")
    for case_id, expert in zip(other, ("users/1", "users/2"), strict=True):
        await school.decide(case_id, expert, "vāsudhā")
    school.lexicon.taken = {HEARD: "kuṭīca"}
    await agreed(school)
    await school.learn()
    states = {one.term: (one.state, one.reason) for one in await proposals(school)}
    assert states["vāsudhā"] == (ProposalState.LIVE, "")
    assert states[TERM][0] is ProposalState.REFUSED
    assert "kuṭīca" in states[TERM][1]
    [refused] = [one for one in await proposals(school) if one.term == TERM]
    await school.proposals.resolve(refused.proposal_id, Resolution.APPROVE, "users/9", new_id())
    await school.learn()
    assert live_pairs(school) == PAIR | {("vasuda", "vāsudhā")}


async def test_what_the_lexicon_does_not_take_is_refused_and_holds_nobody_up(school: School) -> None:
    school.lexicon.refused = "vāsudhā"
    other = await school.add("vasuda", "vasuda")
    for case_id, expert in zip(other, ("users/1", "users/2"), strict=True):
        await school.decide(case_id, expert, "vāsudhā")
    await agreed(school)
    await school.learn()
    states = {one.term: (one.state, one.reason) for one in await proposals(school)}
    assert states == {
        "vāsudhā": (ProposalState.REFUSED, "vāsudhā is no term"),
        TERM: (ProposalState.LIVE, ""),
    }


async def test_a_version_that_was_overtaken_is_made_anew(school: School) -> None:
    await agreed(school)
    learner = school.learner()
    await school.relay._drain_once()
    while (publication := await school.publications.open()) is None or publication.state is PublicationState.PLANNED:
        await learner.step()
    school.lexicon.pairs["lexiconVersions/9"] = frozenset({("imported", "imported")})
    school.lexicon.active_name = "lexiconVersions/9"
    await school.learn()
    assert live_pairs(school) == PAIR | {("imported", "imported")}
    assert [one.reason for one in await school.publications.find(None, 10)] == ["", OVERTAKEN]


class Killed(BaseException):
    """The process died."""


class Dying:
    """Passes calls on and dies at the given one, before or after it is done."""

    def __init__(self, real: Any, fuse: Fuse) -> None:
        self._real, self._fuse = real, fuse

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def call(*arguments: Any) -> Any:
            self._fuse.burn()
            answer = await getattr(self._real, name)(*arguments)
            self._fuse.burn()
            return answer

        return call


class Fuse:
    def __init__(self, length: int) -> None:
        self.left = length

    def burn(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed


async def test_a_learner_that_dies_anywhere_is_followed_by_one_that_goes_on(school: School) -> None:
    """Calls to store, lexicon and correction are the last ones in turn, before they are done and after."""
    ids = await agreed(school)
    await school.relay._drain_once()
    deaths = 0
    while True:
        fuse = Fuse(deaths % 16 + 1)
        dying = School(school.pool, Dying(school.lexicon, fuse), Dying(school.places, fuse))  # type: ignore[arg-type]
        dying.publications = Dying(PostgresPublications(school.pool, 2), fuse)  # type: ignore[assignment]
        dying.proposals = Dying(school.proposals, fuse)  # type: ignore[assignment]
        learner = dying.learner()
        try:
            while await learner.step():
                pass
            break
        except Killed:
            deaths += 1
            assert deaths < 200
    assert deaths > 10
    assert live_pairs(school) == PAIR
    assert await school.states(ids) == ["approved"] * 2 + ["withdrawn"] * 2
    [publication] = await school.publications.find(None, 10)
    assert (publication.state, publication.withdrawn_count) == (PublicationState.DONE, 2)
    assert len(school.lexicon.made) == 1


async def test_what_somebody_holds_is_scored_again_when_it_is_given_back(school: School) -> None:
    ids = await agreed(school)
    await school.queue.claim(Claim(1, (), "users/3", 0.05, new_id(), case_ids=(ids[2],)))
    await school.learn()
    assert await school.states(ids[2:]) == ["in_review", "withdrawn"]
    while not await school.queue.sweep():
        pass
    await school.learn()
    assert await school.states(ids[2:]) == ["withdrawn", "withdrawn"]


async def test_a_sample_of_what_passes_is_shown_all_the_same_and_says_how_often_it_was_wrong(school: School) -> None:
    school.sample_share = 1.0
    ids = await agreed(school)
    await school.learn()
    assert await school.states(ids[2:]) == ["pending", "pending"]
    await school.decide(ids[2], "users/3")
    await school.decide(ids[3], "users/3", "kuṭīcara")
    figures = await PostgresInsight(school.pool).knowledge(30)
    assert figures.overturn_rate == 0.5
    assert figures.active_p95_s is not None
    assert figures.decided_count == 4


async def test_figures_tell_of_repeats_and_of_cases_that_ended_by_themselves(school: School) -> None:
    await agreed(school)
    await school.learn()
    await school.relay._drain_once()
    await school.add(HEARD, "harbour")
    figures = await PostgresInsight(school.pool).knowledge(30)
    assert figures.repeat_error_rate == pytest.approx(1 / 6)
    assert figures.auto_resolved_share == 0.5
    assert figures.proposals[ProposalState.LIVE] == 1
    [pair] = await school.proposals.pairs(0, 10)
    assert (pair.heard, pair.term, pair.expert_count, pair.is_disputed) == (HEARD, TERM, 2, False)


async def test_one_replica_learns_at_a_time(pool: asyncpg.Pool) -> None:
    first, second = PostgresLeadership(pool), PostgresLeadership(pool)
    async with first.hold() as lasts:
        assert lasts()
        assert not await pool.fetchval("SELECT pg_try_advisory_lock(7461303)")
    async with second.hold() as lasts:
        assert lasts()
