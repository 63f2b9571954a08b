"""Learns from what experts decided: confusion weights of the ear, and the calibration of the published probability.

    .venv/bin/python -m training.learn PAIRS [--apply]

PAIRS: tab-separated with a header row: heard, term (empty: no term), experts; `shodhana lexicon learn` writes it. The
development sets are not learned from: they measure, before and after. Writes only with --apply, and not where anything
is worse. What was learned is in use after the services start again; `make train-phonetic` then trains the phonetic
vectors from the new weights too.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import hashlib
import itertools
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from shodhana.sound import distance, noise
from shodhana.transcripts.domain import combiner as combiner_module
from shodhana.transcripts.domain.combiner import Combiner, combiner
from shodhana.transcripts.domain.english import WordFrequencies
from shodhana.transcripts.domain.matcher import Ranked
from shodhana.transcripts.domain.pipeline import TranscriptCorrector
from shodhana.transcripts.domain.ports import Heard

from .confusion import HeardPair, learned, written
from .core import LocalSearch, LocalVectorizer, Unscored, glossary_entries
from .talks import ASR, word_pairs

NOISE_TABLE = Path(noise.__file__).with_name(noise.TABLE)
COMBINER_TABLE = Path(combiner_module.__file__).with_name(combiner_module.TABLE)
APPLIED = 0.85
BINS = 10
ECE_SLACK = 0.005  # a calibration error that is more by no more than this is no worse
CALIBRATION_TRUST = 200.0  # decisions' worth of trust in the calibration as it is
Asked = tuple[str, str, str]  # heard, right term (empty: none), context


@dataclass(frozen=True, slots=True)
class Figures:
    """How one set comes out: counts of pairs, calibration error of the first suggestions."""

    count: int
    first: int
    among_five: int
    applied_wrong: int
    calibration_error: float

    def is_worse_than(self, before: Figures) -> bool:
        return (
            self.first < before.first
            or self.among_five < before.among_five
            or self.applied_wrong > before.applied_wrong
            or self.calibration_error > before.calibration_error + ECE_SLACK
        )

    def __str__(self) -> str:
        return (
            f"first {self.first}/{self.count}, among five {self.among_five}, applied wrong {self.applied_wrong}, "
            f"ECE {self.calibration_error:.3f}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--apply", action="store_true", help="write what was learned, unless anything is worse")
    arguments = parser.parse_args()
    decided = read_pairs(arguments.pairs)
    terms = [HeardPair(heard, term, experts) for heard, term, experts in decided if term]
    if not decided:
        print("no decided pairs: nothing to learn")
        return 0
    if not ASR.exists():
        print(f"no development sets at {ASR}: what is learned cannot be measured, nothing is learned", file=sys.stderr)
        return 1
    sets = {**word_pairs(), "decided": [(heard, term, "") for heard, term, _ in decided]}
    return School(sets).learn(terms, arguments.apply)


def read_pairs(path: Path) -> list[tuple[str, str, int]]:
    """Raises ValueError, naming the line, for a row that is no pair."""
    rows = []
    with path.open(encoding="utf-8", newline="") as file:
        for line, row in enumerate(csv.DictReader(file, delimiter="\t"), 2):
            try:
                rows.append((row["heard"].strip(), row["term"].strip(), int(row["experts"] or 1)))
            except (KeyError, AttributeError, ValueError, TypeError) as error:
                raise ValueError(f"{path}, line {line}: not heard, term and experts") from error
    return rows


class School:
    """The search over the glossary, asked before and after."""

    def __init__(self, sets: dict[str, list[Asked]]) -> None:
        self._sets = sets
        self._search = LocalSearch(glossary_entries(), LocalVectorizer())

    def learn(self, pairs: Sequence[HeardPair], apply: bool) -> int:
        """Exit code: 0, or 1 where it is worse and so refused."""
        model = learned(noise.noise_model(), pairs)
        before = self._ranked(noise.noise_model(), combiner())
        after = self._ranked(model, combiner())
        calibrated = recalibrated(combiner(), [*self._truths(after["decided"], self._sets["decided"], combiner())])
        after = self._ranked(model, calibrated)
        changed = sum(rule.weight != noise.noise_model().weight(*step) for step, rule in model.rules.items())
        print(f"{len(pairs)} pairs with a term; {changed} confusion weights change, model {model.version}")
        worse = []
        for name, asked in self._sets.items():
            was, now = figures(before[name], asked), figures(after[name], asked)
            print(f"{name}\n  before: {was}\n  after:  {now}")
            if now.is_worse_than(was):
                worse.append(name)
        if worse:
            print(f"refused: worse on {', '.join(worse)}; nothing is written", file=sys.stderr)
            return 1
        if apply:
            write(model, calibrated)
            print(f"written: {NOISE_TABLE.name}, {COMBINER_TABLE.name}; they are in use after the services start again")
        else:
            print("not worse anywhere; --apply writes it")
        return 0

    def _ranked(self, model: noise.NoiseModel, weights: Combiner) -> dict[str, list[list[Ranked]]]:
        with heard_with(model):
            corrector = TranscriptCorrector(
                self._search,
                Unscored(),
                None,
                WordFrequencies(),
                weights,
            )
            return {name: asyncio.run(_suggested(corrector, asked)) for name, asked in self._sets.items()}

    @staticmethod
    def _truths(
        ranked: Sequence[Sequence[Ranked]], asked: Sequence[Asked], weights: Combiner
    ) -> Iterator[tuple[float, bool]]:
        """Of each first suggestion the uncalibrated probability, and whether it is right."""
        for listed, (_, right, _) in zip(ranked, asked, strict=True):
            if listed:
                yield uncalibrated(weights, listed[0].probability), listed[0].candidate.term == right


async def _suggested(corrector: TranscriptCorrector, asked: Sequence[Asked]) -> list[list[Ranked]]:
    lists, _ = await corrector.suggest([Heard(heard, context) for heard, _, context in asked], 5, "")
    return lists


def figures(ranked: Sequence[Sequence[Ranked]], asked: Sequence[Asked]) -> Figures:
    """Of pairs without a term it is right that nothing is applied."""
    first = among = wrong = 0
    chances: list[tuple[float, bool]] = []
    for listed, (_, right, _) in zip(ranked, asked, strict=True):
        found = [one.candidate.term for one in listed]
        is_applied = bool(listed) and listed[0].probability >= APPLIED
        is_right = found[:1] == [right] if right else not is_applied
        first += is_right
        among += right in found if right else is_right
        wrong += is_applied and found[0] != right
        chances += [(listed[0].probability, found[0] == right)] if listed else []
    return Figures(len(asked), first, among, wrong, calibration_error(chances))


def calibration_error(chances: Sequence[tuple[float, bool]]) -> float:
    """Expected calibration error over ten bins; 0 without any."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for chance in chances:
        bins.setdefault(min(int(chance[0] * BINS), BINS - 1), []).append(chance)
    parts = ((sum(p for p, _ in part), sum(hit for _, hit in part)) for part in bins.values())
    return sum(abs(promised - kept) for promised, kept in parts) / max(1, len(chances))


def uncalibrated(weights: Combiner, probability: float) -> float:
    """The raw value that the calibration maps to a probability."""
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if weights.calibrated(middle) < probability else (low, middle)
    return (low + high) / 2


def recalibrated(weights: Combiner, truths: Sequence[tuple[float, bool]]) -> Combiner:
    """The knots moved towards what was decided: pooled neighbours (isotonic), so that better never becomes worse."""
    trust = CALIBRATION_TRUST / max(1, len(weights.knots))
    points = [(raw, probability, trust) for raw, probability in weights.knots]
    points += [(raw, float(is_right), 1.0) for raw, is_right in truths]
    pools: list[list[float]] = []  # weight, weighted sum, first raw, last raw
    for raw, value, weight in sorted(points):
        pools.append([weight, weight * value, raw, raw])
        while len(pools) > 1 and pools[-2][1] / pools[-2][0] >= pools[-1][1] / pools[-1][0]:
            last = pools.pop()
            pools[-1] = [pools[-1][0] + last[0], pools[-1][1] + last[1], pools[-1][2], last[3]]
    moved = [(sum(pool[2:]) / 2, pool[1] / pool[0]) for pool in pools]
    knots = tuple(
        (raw, round(_between(moved, raw), 5)) for raw, _ in weights.knots
    )  # where they were, so that candidates that differed still do
    version = hashlib.blake2b(repr((weights.weights, weights.bias, knots)).encode(), digest_size=4).hexdigest()
    return replace(weights, knots=knots, version=version)


def _between(points: Sequence[tuple[float, float]], raw: float) -> float:
    """Linear between points."""
    for (left, low), (right, high) in itertools.pairwise(points):
        if left <= raw <= right:
            return low + (high - low) * (raw - left) / (right - left) if right > left else high
    return points[0][1] if raw < points[0][0] else points[-1][1]


@contextmanager
def heard_with(model: noise.NoiseModel) -> Iterator[None]:
    """The ear of this process, exchanged for a while."""
    before = distance.noise_model
    distance.noise_model = lambda: model  # type: ignore[assignment]
    distance.sound_distance.cache_clear()
    try:
        yield
    finally:
        distance.noise_model = before
        distance.sound_distance.cache_clear()


def write(model: noise.NoiseModel, calibrated: Combiner) -> None:
    """The tables that the services read when they start."""
    NOISE_TABLE.write_text(written(NOISE_TABLE.read_text(encoding="utf-8"), model), encoding="utf-8")
    table = json.loads(COMBINER_TABLE.read_text(encoding="utf-8"))
    table |= {"calibration": calibrated.knots, "version": calibrated.version}
    COMBINER_TABLE.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
