"""Confusion weights learned from pairs: which letters were heard for which sounds, counted along the best alignment."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from shodhana.sound.distance import MAX_HEARD_LETTERS, MAX_SOUNDS
from shodhana.sound.noise import NOTHING, Block, NoiseModel, Rule
from shodhana.sound.units import EDGE, heard_letters, units_of_iast

STRENGTH = 60.0  # pairs' worth of trust in the weights as they are
LEAST_PAIRS = 3  # pairs that show what no rule has yet
LEARNED = "decided"  # kind of a rule that experts' decisions brought
Step = tuple[Block, str]


@dataclass(frozen=True, slots=True)
class HeardPair:
    """What was heard, the term in IAST it means, and how many experts say so."""

    heard: str
    term: str
    experts: int = 1


def learned(model: NoiseModel, pairs: Sequence[HeardPair]) -> NoiseModel:
    """The model with the weights of each block of sounds moved towards what was heard for it, as far as pairs speak."""
    counts: Counter[Step] = Counter()
    shown: Counter[Step] = Counter()
    for pair in pairs:
        steps = aligned(model, pair)
        counts.update(steps)
        shown.update(set(steps))
    known = dict(model.rules)
    for step, times in shown.items():
        if step not in known and times >= LEAST_PAIRS and len(step[0]) == 1 and step[0] != (EDGE,):
            known[step] = Rule(*step, max(model.weight(*step), 1e-4), LEARNED)
    totals: Counter[Block] = Counter()
    for (block, _), count in counts.items():
        totals[block] += count
    return NoiseModel({step: _moved(rule, counts[step], totals[rule.sounds]) for step, rule in known.items()})


def _moved(rule: Rule, count: int, total: int) -> Rule:
    if not total:
        return rule
    weight = (STRENGTH * rule.weight + count) / (STRENGTH + total)
    return replace(rule, weight=min(1.0, max(1e-4, round(weight, 5))))


def aligned(model: NoiseModel, pair: HeardPair) -> list[Step]:
    """The steps of the best alignment of a term's sounds with what was heard; none where there is no alignment."""
    sounds, letters = units_of_iast(pair.term), heard_letters(pair.heard)
    best: dict[tuple[int, int], tuple[float, tuple[int, int] | None]] = {(0, 0): (0.0, None)}
    for i in range(len(sounds) + 1):
        for j in range(len(letters) + 1):
            for size, length in _moves(i, j):
                before = best.get((i - size, j - length))
                weight = model.weight(sounds[i - size : i], letters[j - length : j])
                if before is None or weight <= 0:
                    continue
                cost = before[0] - math.log(weight)
                if (i, j) not in best or cost < best[i, j][0]:
                    best[i, j] = cost, (size, length)
    return list(_steps(best, sounds, letters))[::-1]


def _steps(
    best: Mapping[tuple[int, int], tuple[float, tuple[int, int] | None]], sounds: Block, letters: str
) -> Iterator[Step]:
    i, j = len(sounds), len(letters)
    while (i, j) in best and (move := best[i, j][1]) is not None:
        size, length = move
        if size:  # letters for no sound at all have no rule
            yield sounds[i - size : i], letters[j - length : j]
        i, j = i - size, j - length


def _moves(i: int, j: int) -> Iterator[tuple[int, int]]:
    for size in range(min(i, MAX_SOUNDS) + 1):
        for length in range(min(j, MAX_HEARD_LETTERS) + 1):
            if (size, length) not in ((0, 0), (2, 0)) and not (size == 0 and length > 1):
                yield size, length


def written(text: str, model: NoiseModel) -> str:
    """The table as it is with the weights of the model, its order kept; new rules at the end."""
    header, *lines = text.splitlines()
    left = dict(model.rules)
    rows = []
    for line in lines:
        true, heard, weight, kind = line.split("\t")
        rule = left.pop((tuple(true.split()), heard.replace(" ", "").replace(NOTHING, "")))
        rows.append(line if float(weight) == rule.weight else f"{true}\t{heard}\t{rule.weight:g}\t{kind}")
    rows += [
        f"{' '.join(rule.sounds)}\t{rule.letters or NOTHING}\t{rule.weight:g}\t{rule.kind}" for rule in left.values()
    ]
    return "\n".join((header, *rows)) + "\n"
