"""The scores in words and numbers, so that a reader can work each of them out again."""

from __future__ import annotations

from collections.abc import Iterator

from .tally import Tally
from .values import Explanation, Policy, Scores


def explained(counted: Tally, scores: Scores, policy: Policy) -> Iterator[Explanation]:
    """One line for each score, those first that the others are made of."""
    if scores.iast_compliance is not None:
        yield from _sanskrit(counted, scores)
    yield Explanation(
        "format_integrity",
        "cues whose times are whole and in order ÷ cues",
        f"{counted.sound_cue_count} ÷ {counted.cue_count} = {_shown(scores.format_integrity)}",
    )
    yield _preservation(counted, scores, policy)
    if scores.academic_score is not None:
        yield from _sums(scores, policy)


def _sanskrit(counted: Tally, scores: Scores) -> Iterator[Explanation]:
    weight = _number(counted.weight)
    probable = counted.sanskrit_count - counted.certain_count
    doubtful = _number(counted.weight - counted.certain_count)
    note = f"{counted.certain_count} words surely Sanskrit"
    if probable:
        note += f", {probable} probably, which count {doubtful} together"
    yield Explanation(
        "iast_compliance",
        "Sanskrit words without a violation ÷ Sanskrit words",
        f"{_number(counted.sound_weight)} ÷ {weight} = {_shown(scores.iast_compliance)}",
        note,
    )
    yield Explanation(
        "sanskrit_accuracy",
        "probabilities that each Sanskrit word is the right term, added up ÷ Sanskrit words",
        f"{_number(counted.right_weight)} ÷ {weight} = {_shown(scores.sanskrit_accuracy)}",
        "1 for a listed or attested form, 0 for one that is not resolved",
    )
    yield Explanation(
        "spelling_consistency",
        "terms spelled in one way throughout ÷ terms",
        f"{counted.term_count - len(counted.variants)} ÷ {counted.term_count} = {_shown(scores.spelling_consistency)}",
    )


def _preservation(counted: Tally, scores: Scores, policy: Policy) -> Explanation:
    slope = _number(policy.edit_penalty)
    formula = f"1 − {slope} × other words edited ÷ other words, at least 0; 0 where a time or the order of cues changed"
    base = max(counted.other_count, counted.edited_count)
    if not counted.is_order_kept:
        calculation = "a time or the order of cues changed: 0.000"
    elif not counted.edited_count:
        calculation = f"no other word edited: {_shown(scores.preservation)}"
    else:
        calculation = f"1 − {slope} × {counted.edited_count} ÷ {base} = {_shown(scores.preservation)}"
    return Explanation("preservation", formula, calculation)


def _sums(scores: Scores, policy: Policy) -> Iterator[Explanation]:
    weights = policy.weights
    parts = (
        (weights.iast_compliance, "iast_compliance", scores.iast_compliance),
        (weights.sanskrit_accuracy, "sanskrit_accuracy", scores.sanskrit_accuracy),
        (weights.spelling_consistency, "spelling_consistency", scores.spelling_consistency),
        (weights.format_integrity, "format_integrity", scores.format_integrity),
    )
    yield Explanation(
        "academic_score",
        " + ".join(f"{_number(weight)} × {name}" for weight, name, _ in parts),
        " + ".join(f"{_number(weight)} × {_shown(value)}" for weight, _, value in parts)
        + f" = {_shown(scores.academic_score)}",
    )
    yield Explanation(
        "overall_score",
        "academic_score × preservation",
        f"{_shown(scores.academic_score)} × {_shown(scores.preservation)} = {_shown(scores.overall_score)}",
    )


def _shown(score: float | None) -> str:
    return "absent" if score is None else f"{score:.3f}"


def _number(value: float) -> str:
    """At most two decimals: 3, .4 as 0.4, 41.67."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
