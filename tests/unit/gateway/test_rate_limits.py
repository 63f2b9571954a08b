"""Rate limits are what the environment says, and a mistake in it stops the start."""

from __future__ import annotations

import pytest
from shodhana.stack.gateway.parameters import RateLimits
from shodhana.stack.gateway.rate_limits import RateLimitInvalid, rate_limits_from


def test_what_the_environment_does_not_name_stays_as_it_is() -> None:
    assert rate_limits_from({"PATH": "/bin"}) == RateLimits()
    assert rate_limits_from({"RATE_LIMIT_SUBJECT_PER_S": "7"}) == RateLimits(subject_per_s=7)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RATE_LIMIT_SUBJECT", "7"),
        ("RATE_LIMIT_SUBJECT_PER_S", "0"),
        ("RATE_LIMIT_SUBJECT_PER_S", "-1"),
        ("RATE_LIMIT_SUBJECT_PER_S", "many"),
    ],
)
def test_a_mistake_is_named(name: str, value: str) -> None:
    with pytest.raises(RateLimitInvalid, match=name):
        rate_limits_from({name: value})
