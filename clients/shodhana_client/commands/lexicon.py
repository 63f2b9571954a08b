"""`shodhana lexicon …`."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from shodhana.api.similarity.v1 import lexicon_pb2 as pb

from ..review.answers import plain
from ..terminal import print_json, print_table
from .session import connected


def import_file(
    path: Path, described: tuple[str, str, str, str], flags: tuple[bool, bool], profile: Path | None
) -> int:
    """Makes a version from a file; it is described by (source, licence, domain, text), flags are (replace, check)."""
    source, license_name, domain, text = described
    replace, check = flags
    content = path.read_bytes()
    with connected(profile) as client:
        answer = client.lexicon.ImportLexicon(
            pb.ImportLexiconRequest(
                content=content,
                mode=pb.IMPORT_MODE_REPLACE if replace else pb.IMPORT_MODE_MERGE,
                source=source or path.name,
                license=license_name,
                default_domain=domain,
                text_abbreviation=text,
                validate_only=check,
                request_id=str(uuid.uuid4()),
            )
        )
    made = (
        f"{answer.version.name} with {answer.version.entry_count} entries" if answer.HasField("version") else "checked"
    )
    print(
        f"{made}: {answer.imported_count} taken ({answer.replaced_count} replaced one), "
        f"{answer.skipped_count} passed over, {answer.verse_count} verses"
    )
    return 0


def export(version: str, json_lines: bool, profile: Path | None) -> int:
    """Writes a version to standard output."""
    layout = pb.LEXICON_FORMAT_JSON_LINES if json_lines else pb.LEXICON_FORMAT_TSV
    with connected(profile) as client:
        for frame in client.lexicon.ExportLexicon(
            pb.ExportLexiconRequest(name=f"lexiconVersions/{version}", format=layout)
        ):
            sys.stdout.buffer.write(frame.chunk)
    sys.stdout.buffer.flush()
    return 0


def list_entries(prefix: str, limit: int, as_json: bool, profile: Path | None) -> int:
    """Entries of the active version."""
    with connected(profile) as client:
        request = pb.ListEntriesRequest(parent="lexiconVersions/active", prefix=prefix, page_size=limit)
        answer = client.lexicon.ListEntries(request)
    if as_json:
        print_json([document(entry) for entry in answer.entries])
        return 0
    print_table(("term", "domain", "gloss"), [(entry.term, entry.domain, entry.gloss) for entry in answer.entries])
    print(_summary(prefix, [entry.term for entry in answer.entries], answer.total_size), file=sys.stderr)
    return 0


def _summary(prefix: str, terms: Sequence[str], total: int) -> str:
    """How many were found, and where they are spelled otherwise than what was asked for."""
    if not terms:
        return f"no entry begins with {prefix!r}, however it is spelled; `shodhana suggest {prefix}` ranks what is near"
    first = plain(prefix.strip())[:1]
    is_spelled_so = any(plain(term).startswith(first) for term in terms)
    note = "" if is_spelled_so else f"; none is spelled with {first}, these begin with the sound that it is read as"
    return f"{len(terms)} of {total}{note}"


def list_versions(limit: int, as_json: bool, profile: Path | None) -> int:
    """Versions, newest first."""
    with connected(profile) as client:
        answer = client.lexicon.ListLexiconVersions(pb.ListLexiconVersionsRequest(page_size=min(limit, 100)))
    versions = answer.lexicon_versions
    if as_json:
        print_json([document(version) for version in versions])
        return 0
    rows = [(v.name, "active" if v.active else "", str(v.entry_count), v.description) for v in versions]
    print_table(("version", "", "entries", "description"), rows)
    return 0


def show(term: str, as_json: bool, profile: Path | None) -> int:
    """One entry of the active version."""
    with connected(profile) as client:
        entry = client.lexicon.GetEntry(pb.GetEntryRequest(name=f"lexiconVersions/active/entries/{term}"))
    if as_json:
        print_json(document(entry))
        return 0
    print(f"{entry.term}\n{entry.devanagari}\n{entry.gloss}")
    aliases = ", ".join(entry.aliases) or "no other spelling"
    print(f"{entry.domain}, {entry.field}, {entry.part_of_speech}; also: {aliases}")
    print(f"from {entry.source} ({entry.license or 'no licence recorded'})")
    return 0


def document(message: Any) -> dict[str, Any]:
    """A message as JSON types."""
    return dict(MessageToDict(message, preserving_proto_field_name=True))
