"""A fault: how it is done and undone, what it may cost, and what has to hold while it lasts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from tests.faults.load import READ_KINDS, Load
from tests.faults.world import World

HONEST = frozenset(
    {"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED", "HTTP 503", "HTTP 504", "HTTP 429"}
)
"""How a call may fail: each says that it may be tried again, and none blames the caller."""
CUT = frozenset(
    {"RemoteProtocolError", "ReadError", "ConnectError", "WriteError", "TimeoutError", "ReadTimeout", "ConnectTimeout"}
)
"""How HTTP fails where the gateway itself is away."""
NOTHING: frozenset[str] = frozenset()
Inject = Callable[[World], AbstractAsyncContextManager[None]]


class Skipped(Exception):
    """The fault cannot be done here; the message says why."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of the matrix."""

    name: str
    inject: Inject
    hold_s: float = 4.0
    """How long it lasts; 0: it is over at once (a kill)."""
    spares: frozenset[str] = NOTHING
    """Kinds of calls of which none may fail."""
    within_s: float = 20.0
    """When everything has to be well again."""
    check: Callable[[World, Load], Awaitable[None]] | None = None
    """What has to hold meanwhile, asked by the load's client, which has its token already: raises AssertionError."""
    caller_keeps_time: bool = False
    """Nobody can keep the deadline of a REST call for its caller: the gateway is frozen or cannot be heard."""
    through_proxy: bool = False
    """Calls go through the proxy before the gateway."""


EVERY_READ = READ_KINDS
