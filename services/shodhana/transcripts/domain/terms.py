"""What the scores are told of the terms of a transcript: where each stands, and how surely it is right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .devanagari import is_transliterated
from .matcher import Decision, Status, is_certain
from .ports import Term, TermStatus


def corrected_terms(decisions: Sequence[Decision]) -> list[Term]:
    """The terms at their places in the corrected text; the decisions are in the order of the text."""
    terms, shift, cue = [], 0, 0
    for decision in decisions:
        span = decision.span
        shift = shift if span.cue == cue else 0
        cue = span.cue
        length = len(decision.best.text) if decision.status is Status.APPLIED else len(span.text)
        start = span.start + shift
        terms.append(_term(decision, _status_corrected(decision), start, start + length))
        shift += length - len(span.text)
    return terms


def standing_terms(decisions: Iterable[Decision]) -> list[Term]:
    """The terms of a text that stays as it is: what would be corrected is unresolved, or a popular spelling."""
    return [
        _term(decision, _status_standing(decision), decision.span.start, decision.span.end) for decision in decisions
    ]


def _status_corrected(decision: Decision) -> TermStatus:
    if decision.status is Status.RIGHT:
        return TermStatus.EXACT
    if decision.status is not Status.APPLIED:
        return TermStatus.UNRESOLVED
    return TermStatus.TRANSLITERATED if is_transliterated(decision) else TermStatus.CORRECTED


def _status_standing(decision: Decision) -> TermStatus:
    if decision.status is Status.RIGHT:
        return TermStatus.EXACT
    is_known = decision.status is Status.APPLIED and is_certain(decision.best.candidate)
    return TermStatus.POPULAR if is_known else TermStatus.UNRESOLVED


def _term(decision: Decision, status: TermStatus, start: int, end: int) -> Term:
    probability = decision.best.probability
    if status is TermStatus.UNRESOLVED:  # that any of them is meant
        probability = min(1.0, sum(ranked.probability for ranked in decision.ranked))
    return Term(decision.span.cue, start, end, status, probability, decision.best.text)
