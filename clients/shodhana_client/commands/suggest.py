"""`shodhana suggest`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO

from shodhana.api.transcripts.v1 import transcripts_pb2 as pb

from ..report import candidate_document
from ..selection import written
from ..shares import hundredths
from ..terminal import Bar, print_json, print_table
from .session import EXIT_ERROR, EXIT_OK, complain, connected

BATCH = 500
HEADS = ("heard", "garbled")


def suggest_one(heard: str, context: str, limit: int, as_json: bool, profile: Path | None) -> int:
    """Candidates for one form."""
    with connected(profile) as client:
        request = pb.SuggestTermsRequest(items=[pb.HeardTerm(heard=heard, context=context)], limit=limit)
        found = client.transcripts.SuggestTerms(request).suggestions[0]
    if as_json:
        print_json({"heard": heard, "candidates": [candidate_document(candidate) for candidate in found.candidates]})
        return EXIT_OK
    print_table(("term", "probability", "domain", "gloss", "reasons"), [_row(one) for one in found.candidates])
    return EXIT_OK


def suggest_batch(file: IO[str], limit: int, as_json_lines: bool, profile: Path | None) -> int:
    """Candidates for each row of a file, one line a row in the order of the file."""
    try:
        items = list(items_of(file))
    except ValueError as error:
        complain(error, file.name)
        return EXIT_ERROR
    rows: list[Sequence[str]] = []
    with connected(profile) as client, Bar("searching", len(items)) as bar:
        for done, batch in _batches(items):
            request = pb.SuggestTermsRequest(items=batch, limit=limit)
            answer = client.transcripts.SuggestTerms(request)
            bar.clear()
            for found in answer.suggestions:
                if as_json_lines:
                    _print_json_line(found)
                elif sys.stdout.isatty():
                    rows.append(_batch_row(found))  # how wide a column is, is known at the end
                else:
                    print("\t".join(_batch_row(found)))
            bar.show(done)
    if rows:
        heads = ("heard", *map(str, range(1, max(map(len, rows)))))
        print_table(heads, [(*row, *[""] * (len(heads) - len(row))) for row in rows])
    return EXIT_OK


def items_of(lines: IO[str]) -> Iterator[pb.HeardTerm]:
    """Rows of a TSV: a first line that begins with `#`, or whose first cell is "heard", is a header."""
    context_column: int | None = None
    for number, line in enumerate(lines, 1):
        cells = [cell.strip() for cell in line.rstrip("\r\n").split("\t")]
        if number == 1 and (line.startswith("#") or cells[0].lower() in HEADS):
            names = [cell.lstrip("# ").lower() for cell in cells]
            context_column = next((i for i, name in enumerate(names) if name.startswith("context")), None)
            continue
        if not line.strip():
            continue
        if not cells[0]:
            raise ValueError(f"line {number}: column 1 (heard) is empty")
        context = cells[context_column] if context_column is not None and context_column < len(cells) else ""
        yield pb.HeardTerm(heard=cells[0], context=context)


def _batches(items: Sequence[pb.HeardTerm]) -> Iterator[tuple[int, list[pb.HeardTerm]]]:
    """Items for one call, with how many there were up to them."""
    waiting, done = iter(items), 0
    while batch := list(islice(waiting, BATCH)):
        done += len(batch)
        yield done, batch


def _row(candidate: pb.TermCandidate) -> tuple[str, ...]:
    probability, reasons = hundredths(candidate.probability), "; ".join(candidate.reasons)
    return candidate.term, probability, candidate.domain, candidate.gloss, reasons


def _print_json_line(found: pb.TermSuggestions) -> None:
    candidates = [candidate_document(candidate) for candidate in found.candidates]
    for line in written({"heard": found.heard, "candidates": candidates}, indent=None):
        print(line)


def _batch_row(found: pb.TermSuggestions) -> tuple[str, ...]:
    return found.heard, *(f"{candidate.term} {hundredths(candidate.probability)}" for candidate in found.candidates)
