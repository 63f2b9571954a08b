"""Rate limits from the environment: RATE_LIMIT_SUBJECT_PER_S=200 and the like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from .parameters import RateLimits

PREFIX = "RATE_LIMIT_"


class RateLimitInvalid(ValueError):
    """A variable that names no limit, or no whole number above zero."""


def rate_limits_from(environment: Mapping[str, str]) -> RateLimits:
    """The limits that the environment names, the others as they are. Raises RateLimitInvalid."""
    known = {f"{PREFIX}{field.name.upper()}": field.name for field in fields(RateLimits)}
    chosen = {}
    for name, value in environment.items():
        if not name.startswith(PREFIX):
            continue
        if name not in known:
            raise RateLimitInvalid(f"{name} is no limit; there are {', '.join(known)}")
        if not value.isdecimal() or int(value) == 0:
            raise RateLimitInvalid(f"{name}={value}: must be a whole number above zero")
        chosen[known[name]] = int(value)
    return RateLimits(**chosen)
