"""`shodhana score`."""

from __future__ import annotations

from pathlib import Path

from shodhana.api.transcripts.v1 import transcripts_pb2 as pb

from ..report import scores_document, violation_document
from ..terminal import print_json, print_table
from .session import connected


def score_file(path: Path, as_json: bool, profile: Path | None) -> int:
    """The scores of a file, its gates and violations."""
    file = pb.TranscriptFile(filename=path.name, content=path.read_bytes())
    with connected(profile) as client:
        report = client.transcripts.ScoreFile(pb.ScoreFileRequest(file=file)).report
    scores = scores_document(report.scores)
    if as_json:
        print_json(
            {
                "scores": scores,
                "requires_review": report.requires_review,
                "violations": [violation_document(violation) for violation in report.violations],
                "sanskrit_token_count": report.sanskrit_token_count,
                "other_token_count": report.other_token_count,
                "lexicon_version": report.lexicon_version,
                "degraded": report.degraded,
            }
        )
        return 0
    print_table(("score", "value"), [(name, "absent" if v is None else f"{v:.3f}") for name, v in scores.items()])
    print_table(
        ("rule", "where", "text", "description"),
        [(v.rule, f"cue {v.cue}, {v.start}–{v.end}", v.text, v.description) for v in report.violations[:50]],
    )
    print(f"{report.violation_count} violations; review required: {'yes' if report.requires_review else 'no'}")
    return 0
