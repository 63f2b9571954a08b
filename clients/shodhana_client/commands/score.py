"""`shodhana score`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from shodhana.api.transcripts.v1 import transcripts_pb2 as pb

from ..explanation import REASONS, excerpt, expected, explanation_document, other_doubts, rule_counts
from ..page import clock
from ..report import scores_document
from ..shares import hundredths
from ..terminal import print_json, print_table
from .session import connected


def score_file(path: Path, as_json: bool, profile: Path | None) -> int:
    """The scores of a file as it stands, and why they are what they are."""
    file = pb.TranscriptFile(filename=path.name, content=path.read_bytes())
    with connected(profile) as client:
        response = client.transcripts.ScoreFile(pb.ScoreFileRequest(file=file, include_cues=not as_json))
    if as_json:
        print_json(score_document(response))
    else:
        print_scores(response)
    return 0


def score_document(response: pb.ScoreFileResponse) -> dict[str, Any]:
    """All that is known of the scores, as JSON types."""
    report = response.report
    return {
        "scores": scores_document(report.scores),
        "requires_review": report.requires_review,
        **explanation_document(report),
        "violation_count": report.violation_count,
        "sanskrit_token_count": report.sanskrit_token_count,
        "sanskrit_weight": round(report.sanskrit_weight, 3),
        "other_token_count": report.other_token_count,
        "edited_other_token_count": report.edited_other_token_count,
        "lexicon_version": report.lexicon_version,
        "attested_forms": report.attested_forms,
        "degraded": report.degraded,
        "degradations": list(response.degradations),
    }


def print_scores(response: pb.ScoreFileResponse) -> None:
    """Each score with its sum, each violation in its line, and what else is not surely right."""
    report = response.report
    print_table(("score", "value", "made of", "that is"), _score_rows(report))
    gates = [(gate.gate, "passed" if gate.passed else "not passed", gate.description) for gate in report.gates]
    print()
    print_table(("gate", "result", "because"), gates)
    _print_places(report, {cue.index: cue for cue in response.cues})
    for degradation in response.degradations:
        print(f"incomplete: {degradation}")
    forms = report.attested_forms or "none installed, inflected forms are unknown"
    lexicon, rules = report.lexicon_version or "not reachable", report.thresholds.weights_version
    print(f"\nlexicon: {lexicon}; attested forms: {forms}; rules: {rules}")
    print(f"{report.violation_count} violations; review required: {'yes' if report.requires_review else 'no'}")


def _print_places(report: Any, cues: Mapping[int, Any]) -> None:
    texts = {index: cue.text for index, cue in cues.items()}
    if report.violations:
        print(f"\nViolations: {rule_counts(report.violations)}")
        broken = [
            (_where(one, cues), excerpt(one, texts).marked(), expected(one), one.rule, one.description)
            for one in report.violations
        ]
        print_table(("where", "in the text", "expected", "rule", "description"), broken)
    if doubts := other_doubts(report):
        print("\nNot surely right:")
        unsure = [
            (_where(one, cues), excerpt(one, texts).marked(), hundredths(one.probability), REASONS.get(one.reason, ""))
            for one in doubts
        ]
        print_table(("where", "in the text", "probability", "why"), unsure)
    if report.spelling_variants:
        print("\nSpelled in more than one way:")
        print_table(("spellings",), [(" | ".join(one.spellings),) for one in report.spelling_variants])


def _score_rows(report: Any) -> Iterator[tuple[str, ...]]:
    sums = {one.score: one for one in report.explanations}
    for name, value in scores_document(report.scores).items():
        shown, one = "absent" if value is None else f"{value:.3f}", sums.get(name)
        note = f" ({one.note})" if one and one.note else ""
        yield name, shown, one.calculation if one else "", f"{one.formula}{note}" if one else ""


def _where(place: Any, cues: Mapping[int, Any]) -> str:
    cue = cues.get(place.cue)
    time = f" at {clock(cue.start_ms)}" if cue is not None and cue.HasField("start_ms") else ""
    return f"cue {place.cue}{time}, {place.start}–{place.end}"
