"""The scores part of the page: each score as a sum, each violation in its line, in words and not in colour alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from shodhana.api.transcripts.v1 import transcripts_pb2 as pb

from .explanation import REASONS, excerpt, expected, other_doubts, rule_counts
from .report import MORE_SCORES, SCORES, scores_document
from .shares import hundredths

STYLE = """
h2 { font-size: 1.15rem; margin-top: 2rem; } td.number { font-variant-numeric: tabular-nums; }
u { text-decoration: underline wavy 1.5px var(--del); text-underline-offset: .2em; font-weight: 600; }
u::before { content: "⟨"; } u::after { content: "⟩"; } code { font: .85em ui-monospace, monospace; }
tr:target { outline: 2px solid; } a { color: inherit; }
"""
_MEANING = {
    "iast_compliance": "share of Sanskrit words written as IAST has them",
    "sanskrit_accuracy": "mean probability that the terms are right",
    "academic_score": ".4 IAST + .4 accuracy + .1 consistency + .1 format",
    "overall_score": "academic score × preservation",
    "spelling_consistency": "share of terms spelled one way throughout",
    "format_integrity": "share of cues whose times are whole and in order",
    "preservation": "1 where nothing but Sanskrit was edited",
}


def scores_section(report: pb.CorrectionReport) -> str:
    """The scores with their sums, and the gates."""
    scores, sums = scores_document(report.scores), {one.score: one for one in report.explanations}
    rows = []
    for name in (*SCORES, *MORE_SCORES):
        value, one = scores[name], sums.get(name)
        shown = '<span class="absent">absent</span>' if value is None else f"{value:.3f}"
        how = _sum(one) if one else _MEANING[name]
        rows.append((name.replace("_", " "), shown, how))
    for gate in report.gates:
        passed = "passed" if gate.passed else "not passed"
        rows.append((f"gate: {escape(gate.gate.replace('_', ' '))}", passed, escape(gate.description)))
    version = report.thresholds.weights_version
    rules = f"<p><small>Rules and weights: {escape(version)}.</small></p>" if version else ""
    return f"<table><tbody>{_table_rows(rows)}</tbody></table>{rules}"


def places_section(report: pb.CorrectionReport, texts: Mapping[int, str], times: Mapping[int, str]) -> str:
    """The places that break a rule, the words that are not surely right, and terms spelled in several ways."""
    parts: list[str] = []
    rows: list[tuple[str, ...]]
    if report.violations:
        rows = [
            (_place(one, times), _marked(one, texts), escape(expected(one)), _rule(one)) for one in report.violations
        ]
        title = f"Violations: {escape(rule_counts(report.violations))}"
        parts.append(_section(title, ("Time", "In the corrected text", "Expected", "Rule"), rows))
    if doubts := other_doubts(report):
        rows = [
            (_place(one, times), _marked(one, texts), hundredths(one.probability), escape(REASONS.get(one.reason, "")))
            for one in doubts
        ]
        parts.append(_section("Not surely right", ("Time", "In the corrected text", "Probability", "Why"), rows))
    if report.spelling_variants:
        rows = [(escape(" · ".join(one.spellings)),) for one in report.spelling_variants]
        parts.append(_section("Spelled in more than one way", ("Spellings",), rows))
    return "\n".join(parts)


def _sum(one: Any) -> str:
    note = f" ({escape(one.note)})" if one.note else ""
    return f"{escape(one.calculation)}<br><small>{escape(one.formula)}{note}</small>"


def _rule(violation: Any) -> str:
    return f"<code>{escape(violation.rule)}</code><br><small>{escape(violation.description)}</small>"


def _place(place: Any, times: Mapping[int, str]) -> str:
    return f'<a href="#cue-{place.cue}">{times.get(place.cue, place.cue)}</a>'


def _marked(place: Any, texts: Mapping[int, str]) -> str:
    found = excerpt(place, texts)
    return f"{escape(found.before)}<u>{escape(found.text)}</u>{escape(found.after)}"


def _section(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{column}</th>" for column in columns)
    return f"<h2>{title}</h2><table><thead><tr>{head}</tr></thead><tbody>{_table_rows(rows)}</tbody></table>"


def _table_rows(rows: Iterable[Sequence[str]]) -> str:
    return "\n".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
