"""`shodhana finish`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shodhana.api.transcripts.v1 import transcripts_pb2 as pb

from ..client import Client
from ..errors import ShodhanaError
from ..results import base_name
from .session import EXIT_ERROR, EXIT_OK, EXIT_REVIEW, complain, connected, exit_code_of


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
            for name in response.decisions.unwritten_cases:
                print(f"  {name}: a verse over several cues stands as heard; write it by hand")
            if fail_on_open and response.decisions.open_count:
                codes.add(EXIT_REVIEW)
    return EXIT_ERROR if EXIT_ERROR in codes else max(codes)


def summary(decisions: pb.AppliedDecisions) -> str:
    """`5 decided, 1 left as heard, 2 open: shodhana review`."""
    how = ": shodhana review" if decisions.open_count else ""
    return f"{decisions.decided_count} decided, {decisions.kept_count} left as heard, {decisions.open_count} open{how}"


def _finished(client: Client, path: Path, folder: Path) -> pb.ApplyDecisionsResponse:
    file = pb.TranscriptFile(filename=path.name, content=path.read_bytes())
    places = _places(folder / f"{base_name(path)}.report.json")
    return client.transcripts.ApplyDecisions(pb.ApplyDecisionsRequest(file=file, places=places))


def _places(path: Path) -> list[pb.CorrectedPlace]:
    """The places of a report. Raises ReportMissing."""
    try:
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        verses = (verse for verse in report["verses"] if verse["review_case"])
        return [*map(_place, report["corrections"]), *map(_verse, verses)]
    except FileNotFoundError as error:
        raise ReportMissing(f"no {path}: correct the file first, or name its folder with --output") from error
    except (ValueError, TypeError, KeyError) as error:
        raise ReportMissing(f"{path} is no report of a correction: {error!r}") from error


def _place(found: dict[str, Any]) -> pb.CorrectedPlace:
    names = ("cue", "start", "end", "heard", "review_case")
    applied = found["corrected"] if found["status"] == "applied" else ""
    return pb.CorrectedPlace(**{name: found[name] for name in names}, applied=applied)


def _verse(found: dict[str, Any]) -> pb.CorrectedPlace:
    names = ("last_cue", "start", "end", "heard", "review_case")
    return pb.CorrectedPlace(cue=found["first_cue"], **{name: found[name] for name in names})
