"""What decisions teach, and when it is agreed on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from shodhana.review.domain.cases import Verdict
from shodhana.review.domain.proposals import OVERRULED, Pair, ProposalState, Resolution, Standing, settled, taught
from shodhana.review.domain.segment_keys import affected_keys, segment_keys
from shodhana.review.domain.trail import EventKind, Lesson

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LESSON = Lesson(
    *(1, EventKind.DECIDED, 1, 1, Verdict.CORRECT, "spiritual", "vasuda", "Vāsudhā", "", "users/1", False, b"", NOON)
)
ONE = Standing(1, "vāsudhā", False, 1, None, None, None)
TWO = replace(ONE, expert_count=2)
OTHER = replace(ONE, proposal_id=2, term="vasudā")


@pytest.mark.parametrize(
    ("heard", "corrected", "entry", "pair"),
    [
        ("vasuda", "Vāsudhā", "", Pair("vasuda", "vāsudhā")),
        ("Vasuda's", "Vāsudhā’s", "", Pair("Vasuda", "vāsudhā")),
        ("vasudas", "vāsudhās", "vāsudhā", Pair("vasuda", "vāsudhā")),
        ("tapas", "tapas", "tapas", None),
        ("Bhakti", "bhakti", "bhakti", None),
        ("vasuda", "Wasuda!", "", None),
        ("om", "oṃ", "oṃ", None),
        ("one two three four five", "vāsudhā", "", None),
        ("वसुधा", "vasudhā", "", None),
    ],
)
def test_what_a_decision_says_of_the_words(heard: str, corrected: str, entry: str, pair: Pair | None) -> None:
    assert taught(replace(LESSON, heard=heard, corrected=corrected, entry=entry)) == pair


def test_a_rejection_says_that_there_is_no_term_and_a_decision_of_this_place_says_nothing() -> None:
    assert taught(replace(LESSON, verdict=Verdict.REJECT, corrected="")) == Pair("vasuda", "")
    for kind in ("semantic_disambiguation", "contextual_correction", "capitalization_change", "manual_override"):
        assert taught(replace(LESSON, decision_type=kind)) is None


def state_of(*standings: Standing, of: int = 1) -> ProposalState:
    return settled(standings, quorum=2)[of][0]


def test_two_experts_or_an_adjudicator_approve() -> None:
    assert state_of(ONE) is ProposalState.OPEN
    assert state_of(TWO) is ProposalState.APPROVED
    assert state_of(replace(ONE, settled_at=NOON)) is ProposalState.APPROVED
    assert state_of(replace(TWO, is_live=True)) is ProposalState.LIVE


def test_two_answers_for_the_same_words_wait_for_an_adjudicator() -> None:
    assert state_of(TWO, OTHER) is ProposalState.DISPUTED
    assert state_of(TWO, OTHER, of=2) is ProposalState.DISPUTED
    assert state_of(TWO, replace(OTHER, term="")) is ProposalState.DISPUTED
    assert state_of(replace(TWO, is_live=True), OTHER) is ProposalState.LIVE
    decided = settled([TWO, replace(OTHER, settled_at=NOON)], quorum=2)
    assert decided == {1: (ProposalState.REFUSED, OVERRULED), 2: (ProposalState.APPROVED, "")}


def test_the_last_word_of_adjudicators_counts() -> None:
    later = replace(OTHER, settled_at=NOON + timedelta(minutes=1))
    assert state_of(replace(TWO, settled_at=NOON), later, of=2) is ProposalState.APPROVED


def test_what_loses_its_support_is_taken_back() -> None:
    assert state_of(replace(ONE, is_live=True)) is ProposalState.RETRACTING
    assert state_of(replace(ONE, is_live=True, expert_count=0)) is ProposalState.RETRACTING
    assert state_of(replace(ONE, expert_count=0)) is ProposalState.WITHDRAWN
    assert state_of(replace(TWO, resolution=Resolution.REJECT)) is ProposalState.WITHDRAWN


def test_what_was_refused_is_tried_again_with_more_support_only() -> None:
    assert state_of(replace(TWO, refused_count=2)) is ProposalState.REFUSED
    assert state_of(replace(TWO, expert_count=3, refused_count=2)) is ProposalState.APPROVED


def test_words_without_a_term_are_never_published() -> None:
    assert state_of(replace(TWO, term="")) is ProposalState.OPEN


@pytest.mark.parametrize("heard", ["vasuda", "wasoodha", "basuda", "vasudam"])
def test_words_that_sound_like_a_term_share_a_key_with_it(heard: str) -> None:
    assert segment_keys(heard) & affected_keys("vāsudhā", "vasuda")


@pytest.mark.parametrize("heard", ["krishna", "dharma", "bhakti", ""])
def test_others_do_not(heard: str) -> None:
    assert not segment_keys(heard) & affected_keys("vāsudhā", "vasuda")
