"""`shodhana process`."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shodhana.api.transcripts.v1 import transcripts_pb2 as pb

from ..client import Client
from ..errors import ShodhanaError
from ..page import clock, page_of
from ..report import SCORES, report_document, scores_document
from .session import complain, connected, print_json, print_table

AT_ONCE = 4
EXIT_OK, EXIT_ERROR, EXIT_REVIEW = 0, 1, 3
Outcome = pb.CorrectTranscriptResponse | Exception


def process_files(
    files: Sequence[Path],
    output: Path | None,
    as_json: bool,
    fail_on_review: bool,
    restore_anglicised: bool,
    profile: Path | None,
) -> int:
    """Corrects the files, several at a time; one that fails stops no other. Returns the exit code."""
    documents: list[dict[str, Any]] = []
    code = EXIT_OK
    kind = pb.ANGLICISED_TERMS_RESTORE if restore_anglicised else pb.ANGLICISED_TERMS_UNSPECIFIED
    options = pb.CorrectionOptions(anglicised_terms=kind)
    with connected(profile) as client, _progress(len(files), as_json) as advance:
        outcomes = list(_corrected(client, files, options, advance))
    for path, outcome in outcomes:
        if isinstance(outcome, Exception):
            complain(outcome, str(path))
            code = EXIT_ERROR
            continue
        write_results(outcome, path, output or path.parent)
        documents.append(report_document(outcome.report))
        if not as_json:
            print_report(outcome, output or path.parent)
        if outcome.report.requires_review and fail_on_review and code == EXIT_OK:
            code = EXIT_REVIEW
    if as_json:
        print_json(documents[0] if len(files) == 1 and documents else documents)
    return code


def write_results(response: pb.CorrectTranscriptResponse, path: Path, output: Path) -> None:
    """The corrected file, the report and the page, named for the file."""
    output.mkdir(parents=True, exist_ok=True)
    name = base_name(path)
    (output / response.filename).write_bytes(response.content)
    document = json.dumps(report_document(response.report), ensure_ascii=False, indent=2) + "\n"
    (output / f"{name}.report.json").write_text(document)
    (output / f"{name}.report.html").write_text(page_of(response))


def base_name(path: Path) -> str:
    """`talk` for talk.srt and talk.srt.gz; `talk.whisper` for talk.whisper.json."""
    return Path(path.name.removesuffix(".gz")).stem


def print_report(response: pb.CorrectTranscriptResponse, output: Path) -> None:
    """What changed, where and how surely; the scores; where the results are."""
    report = response.report
    rows = [
        (
            correction.heard.replace("\n", " "),
            correction.corrected,
            f"{correction.probability:.2f}",
            "applied" if correction.status == pb.CORRECTION_STATUS_APPLIED else "suggested",
            f"cue {correction.cue}" + (f" at {clock(correction.start_ms)}" if correction.HasField("start_ms") else ""),
        )
        for correction in report.corrections
    ]
    print(f"\n{report.filename}")
    print_table(("heard", "corrected", "probability", "status", "where"), rows)
    applied = sum(row[3] == "applied" for row in rows)
    print(f"{applied} applied, {len(rows) - applied} suggested; {report.review_case_count} review cases queued")
    scores = scores_document(report.scores)
    shown = (f"{name} absent" if scores[name] is None else f"{name} {scores[name]:.3f}" for name in SCORES)
    print(f"scores: {', '.join(shown)}")
    for degradation in report.degradations:
        print(f"incomplete: {degradation}")
    print(f"review required: {'yes' if report.requires_review else 'no'}")
    print(f"written: {output / response.filename} and the report beside it")


def _corrected(
    client: Client, files: Sequence[Path], options: pb.CorrectionOptions, advance: Callable[[], None]
) -> Iterator[tuple[Path, Outcome]]:
    def one(path: Path) -> Outcome:
        try:
            file = pb.TranscriptFile(filename=path.name, content=path.read_bytes())
            request = pb.CorrectTranscriptRequest(
                file=file, options=options, include_cues=True, request_id=str(uuid.uuid4())
            )
            response: pb.CorrectTranscriptResponse = client.transcripts.CorrectTranscript(request)
        except (ShodhanaError, OSError) as error:
            return error
        finally:
            advance()
        return response

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from zip(files, pool.map(one, files), strict=True)


@contextmanager
def _progress(total: int, quiet: bool) -> Iterator[Callable[[], None]]:
    """A bar on a terminal, nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("correcting"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=total)
        yield lambda: progress.advance(task)
