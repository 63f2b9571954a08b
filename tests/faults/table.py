"""The rows of the matrix, in their order."""

from __future__ import annotations

from collections.abc import Sequence

from tests.faults.fault import Fault
from tests.faults.gateways import gateways
from tests.faults.networks import networks
from tests.faults.processes import processes
from tests.faults.stores import stores

FAULTS: tuple[Fault, ...] = (*processes(), *networks(), *gateways(), *stores())


class UnknownFault(ValueError):
    """No row has a name with these words."""


def named(words: Sequence[str]) -> list[Fault]:
    """The rows whose names hold any of the words; all without words. Raises UnknownFault."""
    for word in words:
        if not any(word in fault.name for fault in FAULTS):
            raise UnknownFault(f"no fault is called {word!r}; there are: {', '.join(fault.name for fault in FAULTS)}")
    return [fault for fault in FAULTS if not words or any(word in fault.name for word in words)]
