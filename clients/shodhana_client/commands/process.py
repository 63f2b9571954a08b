"""`shodhana process`."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from shodhana.api.transcripts.v1 import transcripts_pb2 as pb

from ..client import Client
from ..errors import ShodhanaError
from ..page import clock, page_of
from ..report import SCORES, report_document, scores_document
from ..results import base_name
from ..shares import hundredths
from ..terminal import Bar, print_json, print_table
from ..web import open_address
from .session import EXIT_ERROR, EXIT_OK, EXIT_REVIEW, complain, connected, exit_code_of

AT_ONCE = 4
Outcome = pb.CorrectTranscriptResponse | Exception


class Wanted(NamedTuple):
    """What is to be done with the text, and what with the results."""

    as_json: bool = False
    fails_on_review: bool = False
    restores_anglicised: bool = False
    transliterates: bool = False
    opens_report: bool = False


def process_files(files: Sequence[Path], output: Path | None, wanted: Wanted, profile: Path | None) -> int:
    """Corrects the files, several at a time; one that fails stops no other. Returns the exit code."""
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)  # says now what would otherwise be said after the work
    documents: list[dict[str, Any]] = []
    codes = {EXIT_OK}
    options = _options(wanted)
    with connected(profile) as client, Bar("correcting", len(files), quiet=wanted.as_json) as bar:
        for number, (path, outcome) in enumerate(_corrected(client, files, options), 1):
            bar.clear()
            if isinstance(outcome, Exception):
                complain(outcome, str(path))
                codes.add(exit_code_of(outcome))
            else:
                written = write_results(outcome, path, output or path.parent)
                documents.append(report_document(outcome.report))
                if not wanted.as_json:
                    print_report(outcome, written)
                if outcome.report.requires_review and wanted.fails_on_review:
                    codes.add(EXIT_REVIEW)
                if wanted.opens_report:
                    open_address(_page_beside(written, path).resolve().as_uri())
            bar.show(number)
    if wanted.as_json and (documents or len(files) > 1):
        print_json(documents[0] if len(files) == 1 else documents)
    return EXIT_ERROR if EXIT_ERROR in codes else max(codes)


def write_results(response: pb.CorrectTranscriptResponse, path: Path, output: Path) -> Path:
    """The corrected file, the report and the page, named for the file; returns the first."""
    output.mkdir(parents=True, exist_ok=True)
    name = base_name(path)
    corrected = output / Path(response.filename).name
    corrected.write_bytes(response.content)
    document = json.dumps(report_document(response.report), ensure_ascii=False, indent=2) + "\n"
    (output / f"{name}.report.json").write_text(document, encoding="utf-8")
    (output / f"{name}.report.html").write_text(page_of(response), encoding="utf-8")
    return corrected


def print_report(response: pb.CorrectTranscriptResponse, written: Path) -> None:
    """What changed, where and how surely; the scores; where the results are."""
    report = response.report
    print(f"\n{report.filename}")
    rows = [_row(correction) for correction in report.corrections]
    print_table(("heard", "corrected", "probability", "status", "where"), rows)
    applied = sum(row[3] == "applied" for row in rows)
    print(f"{applied} applied, {len(rows) - applied} suggested; {_queued(report)}")
    if report.verses:
        print_table(
            ("recited", "verse", "reading", "confidence", "where"), [_verse_row(verse) for verse in report.verses]
        )
    scores = scores_document(report.scores)
    shown = (f"{name} absent" if scores[name] is None else f"{name} {scores[name]:.3f}" for name in SCORES)
    print(f"scores: {', '.join(shown)}")
    for degradation in report.degradations:
        print(f"incomplete: {degradation}")
    print(f"review required: {'yes' if report.requires_review else 'no'}")
    print(f"written: {written}, with {base_name(Path(report.filename))}.report.json and .report.html")


def _queued(report: pb.CorrectionReport) -> str:
    named = {one.review_case for one in report.corrections} | {one.review_case for one in report.verses}
    asked_before = len(named - {""}) - report.review_case_count
    before = f", {asked_before} asked before (shodhana finish writes what is decided)" if asked_before > 0 else ""
    how = ": shodhana review" if report.review_case_count else ""
    return f"{report.review_case_count} review cases queued{before}{how}"


def _page_beside(written: Path, path: Path) -> Path:
    return written.with_name(f"{base_name(path)}.report.html")


def _options(wanted: Wanted) -> pb.CorrectionOptions:
    return pb.CorrectionOptions(
        anglicised_terms=pb.ANGLICISED_TERMS_RESTORE if wanted.restores_anglicised else pb.ANGLICISED_TERMS_UNSPECIFIED,
        devanagari=pb.DEVANAGARI_WORDS_IAST if wanted.transliterates else pb.DEVANAGARI_WORDS_UNSPECIFIED,
    )


def _row(correction: pb.Correction) -> tuple[str, ...]:
    is_applied = correction.status == pb.CORRECTION_STATUS_APPLIED
    time = f" at {clock(correction.start_ms)}" if correction.HasField("start_ms") else ""
    return (
        correction.heard,
        correction.corrected,
        hundredths(correction.probability),
        "applied" if is_applied else "suggested",
        f"cue {correction.cue}{time}",
    )


def _verse_row(verse: pb.RecognisedVerse) -> tuple[str, ...]:
    time = f" at {clock(verse.start_ms)}" if verse.HasField("start_ms") else ""
    reading = " / ".join(verse.lines) or f"in metre: {verse.metre}"
    return verse.heard, verse.reference or "-", reading, hundredths(verse.confidence), f"cue {verse.first_cue}{time}"


def _corrected(client: Client, files: Sequence[Path], options: pb.CorrectionOptions) -> Iterator[tuple[Path, Outcome]]:
    """The outcomes in the order of the files, as they come."""

    def one(path: Path) -> Outcome:
        try:
            file = pb.TranscriptFile(filename=path.name, content=path.read_bytes())
            return client.transcripts.CorrectTranscript(
                pb.CorrectTranscriptRequest(file=file, options=options, include_cues=True, request_id=str(uuid.uuid4()))
            )
        except (ShodhanaError, OSError) as error:
            return error

    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        yield from zip(files, pool.map(one, files), strict=True)
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C waits for the files in hand, not for all
