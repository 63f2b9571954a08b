"""The port of what word forms are attested."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol


class AttestedForms(Protocol):
    """A list of inflected forms that grammar and texts attest. It is optional: without it such forms are unknown."""

    version: str
    """Names the list and its version."""

    def among(self, words: Collection[str]) -> frozenset[str]:
        """Those of the words (IAST, any capitals) that are attested. Reads a file: not for the event loop."""
        ...


class NoForms:
    """Where no list is installed: nothing is known to be attested."""

    version = ""

    def among(self, words: Collection[str]) -> frozenset[str]:
        return frozenset()
