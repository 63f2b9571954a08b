"""What a lexicon file is read into, and how it says what is wrong with it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from shodhana.errors import FieldViolation, InvalidInput

from .lexicon import Entry, Verse

MAX_VIOLATIONS = 50


class ImportBroken(InvalidInput):
    """The file cannot be read; every violation names its line."""

    reason = "IMPORT_BROKEN"

    def __init__(self, violations: list[FieldViolation]) -> None:
        first = violations[0]
        more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
        super().__init__(f"line {first.line}: {first.description}{more}", violations[:MAX_VIOLATIONS])


@dataclass(frozen=True, slots=True)
class Provenance:
    """What each entry or verse of a file records; `text` begins the references of verses ("BG")."""

    source: str = ""
    license: str = ""
    default_domain: str = "general"
    text: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file holds; `skipped_count` records are no terms (prefixes, cross-references)."""

    entries: tuple[Entry, ...] = ()
    verses: tuple[Verse, ...] = ()
    skipped_count: int = 0


def load_json(text: str) -> Any:
    """The document of a JSON file; control characters in its strings are tolerated. Raises ImportBroken."""
    try:
        return json.loads(text, strict=False)
    except json.JSONDecodeError as error:
        raise ImportBroken([broken(error.lineno, f"not readable as JSON: {error.msg}")]) from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, thousands of brackets
        raise ImportBroken([broken(1, f"not readable as JSON: {error}")]) from error


def broken(line: int, description: str) -> FieldViolation:
    """What is wrong in a line of the file."""
    return FieldViolation("content", description, line)
