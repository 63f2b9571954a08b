"""A node of the cache's cluster dies."""

from __future__ import annotations

from tests.high_availability.caching import lose_a_node


def test_answers_stay_right_while_a_node_is_away_and_the_cluster_mends_itself() -> None:
    outcome = lose_a_node()
    assert outcome.before.wrong + outcome.away.wrong + outcome.after.wrong == 0
    assert outcome.before.hit_share == 1
    assert outcome.away.loaded > 0
    assert outcome.after.hit_share == 1
