"""`shodhana suggest`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from shodhana.api.transcripts.v1 import transcripts_pb2 as pb

from ..report import candidate_document
from .session import complain, connected, print_json, print_table

BATCH = 500


def suggest_one(heard: str, context: str, limit: int, as_json: bool, profile: Path | None) -> int:
    """Candidates for one form."""
    with connected(profile) as client:
        request = pb.SuggestTermsRequest(items=[pb.HeardTerm(heard=heard, context=context)], limit=limit)
        found = client.transcripts.SuggestTerms(request).suggestions[0]
    if as_json:
        print_json({"heard": heard, "candidates": [candidate_document(candidate) for candidate in found.candidates]})
        return 0
    rows = [
        (
            candidate.term,
            f"{candidate.probability:.2f}",
            candidate.domain,
            candidate.gloss,
            "; ".join(candidate.reasons),
        )
        for candidate in found.candidates
    ]
    print_table(("term", "probability", "domain", "gloss", "reasons"), rows)
    return 0


def suggest_batch(path: Path, limit: int, as_json_lines: bool, profile: Path | None) -> int:
    """Candidates for each row of a file, one line a row in the order of the file."""
    try:
        items = list(_items(path))
    except (OSError, ValueError) as error:
        complain(error, str(path))
        return 1
    with connected(profile) as client:
        for start in range(0, len(items), BATCH):
            request = pb.SuggestTermsRequest(items=items[start : start + BATCH], limit=limit)
            for found in client.transcripts.SuggestTerms(request).suggestions:
                _print(found, as_json_lines)
    return 0


def _items(path: Path) -> Iterator[pb.HeardTerm]:
    """Rows of a TSV: a first line that begins with `#`, or whose first cell is "heard", is a header."""
    context_column: int | None = None
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        cells = line.split("\t")
        if number == 1 and (line.startswith("#") or cells[0].strip().lower() in ("heard", "garbled")):
            names = [cell.lstrip("# ").lower() for cell in cells]
            context_column = next((i for i, name in enumerate(names) if name.startswith("context")), None)
            continue
        if not line.strip():
            continue
        if not cells[0].strip():
            raise ValueError(f"line {number}: column 1 (heard) is empty")
        context = cells[context_column] if context_column is not None and context_column < len(cells) else ""
        yield pb.HeardTerm(heard=cells[0].strip(), context=context)


def _print(found: pb.TermSuggestions, as_json_lines: bool) -> None:
    if as_json_lines:
        candidates = [candidate_document(candidate) for candidate in found.candidates]
        print(json.dumps({"heard": found.heard, "candidates": candidates}, ensure_ascii=False))
    else:
        terms = (f"{candidate.term} {candidate.probability:.2f}" for candidate in found.candidates)
        print("\t".join((found.heard, *terms)))
