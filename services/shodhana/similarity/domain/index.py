"""The port of a vector search over a version's forms and glosses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Halves = NDArray[np.float16]
DIMENSIONS = 384


class Model(Enum):
    """Which vectors are searched."""

    PHONETIC = "phonetic"
    SEMANTIC = "semantic"


class Path(Enum):
    """How the nearest were found."""

    EXACT = "exact"
    HNSW = "hnsw"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An entry and the cosine of its nearest vector."""

    entry_id: int
    cosine: float


@dataclass(frozen=True, slots=True)
class Neighbours:
    """For each query the nearest entries, best first; and what it took."""

    lists: tuple[tuple[Neighbour, ...], ...]
    path: Path
    compared: int


class VectorIndex(Protocol):
    """Nearest entries by cosine. Never fewer than `limit` when so many are eligible."""

    async def nearest(
        self, model: Model, queries: Matrix, limit: int, eligible: Sequence[int] | None, exact: bool
    ) -> Neighbours:
        """`queries` is (n, 384) of unit length; `eligible` entry ids, None for all of the version."""
        ...
