"""One probability from all that speaks for a candidate: a logistic function of named features, then calibrated.

Weights and calibration come from `combiner.json`, written by `make train-combiner`.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from .features import FEATURES

TABLE = "combiner.json"


class CombinerBroken(ValueError):
    """The table does not fit the features of this code."""


@dataclass(frozen=True, slots=True)
class Combiner:
    """Weights by feature in the order of FEATURES, and the calibration as knots (raw, probability)."""

    weights: tuple[float, ...]
    bias: float
    knots: tuple[tuple[float, float], ...]
    version: str

    def probability(self, values: Sequence[float]) -> float:
        """That the candidate is meant, calibrated."""
        return self.calibrated(self.raw(values))

    def raw(self, values: Sequence[float]) -> float:
        """The logistic function alone."""
        evidence = self.bias + sum(weight * value for weight, value in zip(self.weights, values, strict=True))
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, evidence))))

    def contributions(self, values: Sequence[float]) -> dict[str, float]:
        """What each feature that is not 0 adds to the evidence (log odds), the weightiest first."""
        parts = {name: weight * value for name, weight, value in zip(FEATURES, self.weights, values, strict=True)}
        return dict(sorted(((n, p) for n, p in parts.items() if p), key=lambda part: -abs(part[1])))

    def calibrated(self, raw: float) -> float:
        """Linear between the knots, so that a better candidate never ties with a worse one for long."""
        if not self.knots:
            return raw
        place = bisect_right(self.knots, (raw, math.inf))
        if place == 0:
            return self.knots[0][1]
        if place == len(self.knots):
            return self.knots[-1][1]
        (left, low), (right, high) = self.knots[place - 1], self.knots[place]
        return low + (high - low) * (raw - left) / (right - left) if right > left else high


def read_combiner(text: str) -> Combiner:
    """A combiner from its table. Raises CombinerBroken."""
    table = json.loads(text)
    if list(table["features"]) != list(FEATURES):
        raise CombinerBroken(f"{TABLE} is for other features: train it again (make train-combiner)")
    return Combiner(
        weights=tuple(table["features"].values()),
        bias=table["bias"],
        knots=tuple((raw, probability) for raw, probability in table["calibration"]),
        version=table["version"],
    )


@cache
def combiner() -> Combiner:
    """The combiner as shipped."""
    return read_combiner(files(__package__).joinpath(TABLE).read_text(encoding="utf-8"))
