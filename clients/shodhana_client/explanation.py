"""Why the scores are what they are: the same for the tool, the page and JSON.

`report` is a QualityReport, or a CorrectionReport, which has the same fields for this.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

AROUND = 28  # characters shown on either side of a place, less the word that is cut there
_CUT_WORD, _WORD_CUT = re.compile(r"^\S*\s+"), re.compile(r"\s+\S*$")
REASONS = {
    "corrected": "restored with this probability",
    "popular": "a known term in a popular spelling",
    "unresolved": "probably garbled, and left",
    "misspelled": "breaks a rule",
    "unknown_form": "well formed, neither listed nor attested",
}


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A place with the words around it."""

    before: str
    text: str
    after: str

    def marked(self, opening: str = "[", closing: str = "]") -> str:
        """`… of [dhyana] and …`."""
        return f"{self.before}{opening}{self.text}{closing}{self.after}"


def excerpt(place: Any, texts: Mapping[int, str]) -> Excerpt:
    """The place in its cue; alone where the cue is not at hand."""
    text = texts.get(place.cue, "")
    if text[place.start : place.end] != place.text:
        return Excerpt("", place.text, "")
    before, after = text[: place.start], text[place.end :]
    start = f"…{_CUT_WORD.sub('', before[-AROUND:])}" if len(before) > AROUND else before
    end = f"{_WORD_CUT.sub('', after[:AROUND])}…" if len(after) > AROUND else after
    return Excerpt(start.replace("\n", " "), place.text, end.replace("\n", " "))


def expected(violation: Any) -> str:
    """What would be right, for a reader."""
    return " or ".join(violation.expected) or "—"


def other_doubts(report: Any) -> list[Any]:
    """The doubtful tokens that no violation has named already, without what was restored surely enough."""
    broken = [(one.cue, one.start, one.end) for one in report.violations]
    by_cue: dict[int, list[tuple[int, int]]] = {}
    for cue, start, end in broken:
        by_cue.setdefault(cue, []).append((start, end))
    return [
        one
        for one in report.doubtful_tokens
        if not (one.reason == "corrected" and one.probability >= report.thresholds.similarity_threshold)
        and not any(start < one.end and one.start < end for start, end in by_cue.get(one.cue, ()))
    ]


def rule_counts(violations: Iterable[Any]) -> str:
    """`3 canonical_spelling, 1 nfc`."""
    counts: dict[str, int] = {}
    for violation in violations:
        counts[violation.rule] = counts.get(violation.rule, 0) + 1
    return ", ".join(f"{count} {rule}" for rule, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def explanation_document(report: Any) -> dict[str, Any]:
    """All of it as JSON types."""
    return {
        "gates": [{"gate": gate.gate, "passed": gate.passed, "description": gate.description} for gate in report.gates],
        "explanations": [_fields(one) for one in report.explanations],
        "violations": [violation_document(violation) for violation in report.violations],
        "doubtful_tokens": [_fields(one) for one in report.doubtful_tokens],
        "spelling_variants": [list(one.spellings) for one in report.spelling_variants],
        "thresholds": _fields(report.thresholds),
    }


def violation_document(violation: Any) -> dict[str, Any]:
    """A violation with its place and what would be right."""
    return {**_fields(violation), "expected": list(violation.expected)}


def _fields(message: Any) -> dict[str, Any]:
    return {
        field.name: round(value, 3) if isinstance(value := getattr(message, field.name), float) else value
        for field in message.DESCRIPTOR.fields
    }
