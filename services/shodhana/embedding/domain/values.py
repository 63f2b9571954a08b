"""What is asked of an embedder, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from shodhana.errors import DomainError, FieldViolation, InvalidInput, NotFound, Unavailable

from .batcher import Lane
from .engine import Matrix


class ModelUnknown(NotFound):
    """No model of that id is served."""

    reason = "MODEL_UNKNOWN"


class ModelLoading(Unavailable):
    """The model is not loaded yet."""


class TextTooLong(InvalidInput):
    """More tokens than the model takes, and truncation is not wanted."""

    reason = "TEXT_TOO_LONG"

    def __init__(self, index: int, tokens: int, most: int) -> None:
        message = f"text {index} has {tokens} tokens; the model takes {most}"
        super().__init__(message, [FieldViolation(f"texts[{index}]", message)])


class Truncation(Enum):
    """What happens to long texts."""

    END = "end"
    START = "start"
    ERROR = "error"


class CacheUse(Enum):
    """How the cache is used."""

    USE = "use"
    BYPASS = "bypass"
    REFRESH = "refresh"


@dataclass(frozen=True, slots=True)
class EmbedOptions:
    """How to embed. `dimensions` 0: all."""

    truncation: Truncation = Truncation.END
    dimensions: int = 0
    prompt: str = ""
    lane: Lane = Lane.INTERACTIVE
    cache: CacheUse = CacheUse.USE
    remaining_s: float | None = None


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds in the queue (the longest text's) and in the engine (summed over the batches that held our texts)."""

    queue_s: float = 0.0
    inference_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Embedded:
    """(n, dimensions) vectors of unit length, a row of zeros for each text in `errors`."""

    vectors: Matrix
    token_counts: list[int]
    truncated: list[bool]
    cached: list[bool]
    errors: dict[int, DomainError] = field(default_factory=dict)
    timings: Timings = field(default_factory=Timings)
    total_s: float = 0.0
