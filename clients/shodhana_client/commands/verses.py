"""`shodhana verses …`."""

from __future__ import annotations

import sys
from pathlib import Path

from shodhana.api.similarity.v1 import verses_pb2 as pb

from ..shares import hundredths
from ..terminal import print_json, print_table
from .lexicon import document
from .session import connected


def search(heard: str, limit: int, as_json: bool, profile: Path | None) -> int:
    """Which verses are recited in a text, and its metre."""
    with connected(profile) as client:
        answer = client.verses.SearchVerses(pb.SearchVersesRequest(texts=[heard], limit=limit))
    found = answer.results[0]
    if as_json:
        print_json(document(found))
        return 0
    print_table(("verse", "confidence", "heard", "reading", "reasons"), [_row(one, heard) for one in found.recitations])
    if found.metre:
        print(f"the text is in metre: {found.metre}")
    print(f"{len(found.recitations)} found among {answer.verse_count} verses", file=sys.stderr)
    return 0


def list_verses(prefix: str, limit: int, as_json: bool, profile: Path | None) -> int:
    """Verses whose reference begins so."""
    with connected(profile) as client:
        answer = client.verses.ListVerses(pb.ListVersesRequest(prefix=prefix, page_size=limit))
    if as_json:
        print_json([document(verse) for verse in answer.verses])
        return 0
    rows = [(verse.reference, " / ".join(verse.lines), verse.metre, verse.source) for verse in answer.verses]
    print_table(("verse", "text", "metre", "source"), rows)
    print(f"{len(answer.verses)} of {answer.total_size}", file=sys.stderr)
    return 0


def show(reference: str, as_json: bool, profile: Path | None) -> int:
    """One verse."""
    with connected(profile) as client:
        verse = client.verses.GetVerse(pb.GetVerseRequest(name=f"verses/{reference}"))
    if as_json:
        print_json(document(verse))
        return 0
    print("\n".join((verse.reference, *verse.lines, verse.devanagari, verse.metre or "in no metre that is known")))
    print(f"from {verse.source} ({verse.license or 'no licence recorded'})")
    return 0


def _row(found: pb.Recitation, heard: str) -> tuple[str, ...]:
    reasons = "; ".join(found.reasons)
    words = heard[found.start : found.end]
    return found.verse.reference, hundredths(found.confidence), words, " / ".join(found.lines), reasons
