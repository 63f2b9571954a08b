"""The port of a model that turns token ids into vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
TokenIds = Sequence[int]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What is known of a model. `fingerprint` stands for weights, tokenizer, engine and data type together."""

    model_id: str
    dimensions: int
    max_tokens: int
    fingerprint: str
    engine: str


class Engine(Protocol):
    """A loaded model. `tokenize` may run anywhere; `encode` in one thread at a time."""

    @property
    def card(self) -> ModelCard: ...

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, special tokens included, nothing cut off."""
        ...

    def cut(self, ids: TokenIds, from_start: bool) -> list[int]:
        """At most `max_tokens` ids, special tokens kept; the end goes, or the start."""
        ...

    def encode(self, batch: Sequence[TokenIds]) -> Matrix:
        """(n, dimensions) vectors of unit length. Every text has 1 to `max_tokens` ids."""
        ...
