"""`shodhana finish`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shodhana.api.transcripts.v1 import transcripts_pb2 as pb

from ..client import Client
from ..errors import ShodhanaError
from ..report import STATUSES
from ..results import base_name
from .session import EXIT_ERROR, EXIT_OK, EXIT_REVIEW, complain, connected, exit_code_of

NUMBERS = {word: number for number, word in STATUSES.items()}


class ReportMissing(ShodhanaError):
    """No report that `process` or `jobs` wrote for the file."""


def finish_files(files: Sequence[Path], output: Path | None, fail_on_open: bool, profile: Path | None) -> int:
    """Writes each file with what experts decided; one that fails stops no other. Returns the exit code."""
    codes = {EXIT_OK}
    with connected(profile) as client:
        for path in files:
            try:
                response = _finished(client, path, output or path.parent)
            except (ShodhanaError, OSError) as error:
                complain(error, str(path))
                codes.add(exit_code_of(error))
                continue
            written = (output or path.parent) / Path(response.filename).name
            written.write_bytes(response.content)
            print(f"{written}: {summary(response.decisions)}")
            if fail_on_open and response.decisions.open_count:
                codes.add(EXIT_REVIEW)
    return EXIT_ERROR if EXIT_ERROR in codes else max(codes)


def summary(decisions: pb.AppliedDecisions) -> str:
    """`5 decided, 1 left as heard, 2 open: shodhana review`."""
    how = ": shodhana review" if decisions.open_count else ""
    return f"{decisions.decided_count} decided, {decisions.kept_count} left as heard, {decisions.open_count} open{how}"


def _finished(client: Client, path: Path, folder: Path) -> pb.ApplyDecisionsResponse:
    report = _report(folder / f"{base_name(path)}.report.json")
    request = pb.ApplyDecisionsRequest(
        file=pb.TranscriptFile(filename=path.name, content=path.read_bytes()),
        corrections=[_correction(one) for one in report["corrections"]],
        verses=[_verse(one) for one in report["verses"]],
    )
    return client.transcripts.ApplyDecisions(request)


def _report(path: Path) -> dict[str, Any]:
    try:
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if {"corrections", "verses"} <= report.keys():
            return report
    except FileNotFoundError as error:
        raise ReportMissing(f"no {path}: correct the file first, or name its folder with --output") from error
    except (ValueError, AttributeError) as error:
        raise ReportMissing(f"{path} is no report: {error}") from error
    raise ReportMissing(f"{path} is no report of a correction")


def _correction(found: dict[str, Any]) -> pb.Correction:
    names = ("cue", "start", "end", "heard", "corrected", "review_case")
    return pb.Correction(**{name: found[name] for name in names}, status=NUMBERS[found["status"]])


def _verse(found: dict[str, Any]) -> pb.RecognisedVerse:
    names = ("first_cue", "last_cue", "start", "end", "heard", "review_case")
    return pb.RecognisedVerse(**{name: found[name] for name in names})
