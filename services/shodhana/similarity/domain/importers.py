"""Reads lexicon files: our TSV and JSON Lines, and the formats of well-known sources."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

from shodhana.errors import FieldViolation
from shodhana.text.iast import breaches
from shodhana.text.normalize import refused_characters, to_iast
from shodhana.text.transliterate import iast_of_slp1

from .imported import ImportBroken, Parsed, Provenance, broken, load_json
from .lexicon import DOMAINS, Entry
from .verse_importers import parse_tei, parse_verses_json, parse_verses_tsv

__all__ = ["ImportBroken", "LexiconFormat", "Parsed", "Provenance", "detect", "parse", "problem_of"]

MAX_GLOSS = 500
MAX_BODY = 4 * MAX_GLOSS  # characters of a record that its gloss is taken from


class LexiconFormat(Enum):
    """How a file is laid out."""

    TSV = "tsv"
    JSON_LINES = "jsonl"
    CDSL = "cdsl"
    ANKI_JSON = "anki"
    VERSES_JSON = "verses"
    TEI = "tei"
    VERSES_TSV = "verses_tsv"


def parse(content: bytes, layout: LexiconFormat | None, provenance: Provenance) -> Parsed:
    """The entries and verses of a file. Raises ImportBroken."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ImportBroken([broken(line, f"byte {error.start} is not UTF-8")]) from error
    parsed = _PARSERS[layout or detect(text)](text, provenance)
    if not parsed.entries and not parsed.verses:
        raise ImportBroken([broken(1, "the file holds no entries")])
    return parsed


def detect(text: str) -> LexiconFormat:
    """The layout, by content."""
    head = text.lstrip()[:4000]
    if head.startswith("<?xml") or head.startswith("<TEI"):
        return LexiconFormat.TEI
    if "<L>" in head and "<k1>" in head:
        return LexiconFormat.CDSL
    if head.startswith("["):
        return LexiconFormat.VERSES_JSON
    if head.startswith("{"):
        first_line = head.split("\n", 1)[0].strip()
        return LexiconFormat.JSON_LINES if first_line.endswith("}") else LexiconFormat.ANKI_JSON
    is_of_verses = {"reference", "text"} <= set(head.split("\n", 1)[0].split("\t"))
    return LexiconFormat.VERSES_TSV if is_of_verses else LexiconFormat.TSV


def _parse_tsv(text: str, provenance: Provenance) -> Parsed:
    lines = text.replace("\r\n", "\n").split("\n")
    header = lines[0].split("\t") if lines else []
    missing = {"lemma", "gloss"} - set(header)
    if missing:
        raise ImportBroken([broken(1, f"no column {', '.join(sorted(missing))} in the header row")])
    rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    try:
        return _records(((rows.line_num, row) for row in rows), provenance)
    except csv.Error as error:  # a field of more than 128 KiB
        raise ImportBroken([broken(rows.line_num + 1, str(error))]) from error


def _parse_json_lines(text: str, provenance: Provenance) -> Parsed:
    def rows() -> Iterable[tuple[int, Any]]:
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                try:
                    yield number, json.loads(line)
                except (ValueError, RecursionError) as error:
                    yield number, error

    return _records(rows(), provenance)


def _records(rows: Iterable[tuple[int, Any]], provenance: Provenance) -> Parsed:
    """Entries of rows with the keys of our own columns. Raises ImportBroken, naming every row that is wrong."""
    entries: list[Entry] = []
    violations: list[FieldViolation] = []
    for line, row in rows:
        if isinstance(row, ValueError | RecursionError):
            violations.append(broken(line, f"not readable as JSON: {row}"))
        elif not isinstance(row, dict) or None in row:
            violations.append(broken(line, "not a record of the columns in the header"))
        else:
            entry = _entry_of_row(row, provenance)
            problem = problem_of(entry)
            if problem:
                violations.append(broken(line, problem))
            else:
                entries.append(entry)
    if violations:
        raise ImportBroken(violations)
    return Parsed(tuple(entries))


def _entry_of_row(row: dict[str, Any], provenance: Provenance) -> Entry:
    aliases = row.get("aliases") or ""
    joined = "|".join(map(str, aliases)) if isinstance(aliases, list) else str(aliases)
    listed = (_line(alias) for alias in joined.split("|"))
    return Entry(
        term=to_iast(_line(row.get("lemma"))),
        domain=str(row.get("domain") or provenance.default_domain),
        field=_line(row.get("field")),
        part_of_speech=_line(row.get("pos")),
        gloss=_line(row.get("gloss")),
        aliases=tuple(dict.fromkeys(alias for alias in listed if alias)),
        note=_line(row.get("note")),
        anglicised=row.get("anglicised") in ("yes", True),
        source=_line(row.get("source")) or provenance.source,
        license=_line(row.get("license")) or provenance.license,
    )


def _line(value: object) -> str:
    """A value as one line of text without tabs, as TSV needs it."""
    return " ".join(str(value).split()) if value else ""


def problem_of(entry: Entry) -> str | None:
    """What is wrong with an entry; None where nothing is."""
    if not entry.term or len(entry.term) > 200:
        return "the lemma is missing or longer than 200 characters"
    breach = next(breaches(entry.term), None)
    if breach is not None:
        return f"lemma {entry.term!r}: {breach.description}"
    if entry.domain not in DOMAINS:
        return f"domain {entry.domain!r} is none of {', '.join(DOMAINS)}"
    if not entry.gloss or len(entry.gloss) > MAX_GLOSS:
        return f"the gloss is missing or longer than {MAX_GLOSS} characters"
    written = (entry.gloss, entry.note, *entry.aliases, entry.field, entry.part_of_speech, entry.source, entry.license)
    refused = refused_characters("".join(written))
    return f"{refused[0][1]} is not allowed" if refused else None


_CDSL_HEADWORD = re.compile(r"<L>[^<\n]*(?:<pc>[^<\n]*)?<k1>([^<\n]+)<k2>[^\n]*\n")
_CDSL_MARKUP = re.compile(r"\{@.*?@\}¦?|<lbinfo[^>]*>|<[^>]+>|[{}%@]|\[.*?\]", re.S)


def _parse_cdsl(text: str, provenance: Provenance) -> Parsed:
    """Headwords (SLP1) and glosses of a Cologne dictionary. Source: the CDSL text conventions."""
    entries: dict[str, Entry] = {}
    skipped = 0
    for record in text.split("<LEND>"):
        match = _CDSL_HEADWORD.search(record)
        if match is None:
            continue
        body = record[match.end() : match.end() + MAX_BODY]
        gloss = " ".join(_CDSL_MARKUP.sub(" ", body).split())[:MAX_GLOSS].strip(" ,;")
        entry = _foreign(iast_of_slp1(match[1][:MAX_BODY]), gloss, "", provenance)
        if entry is None or entry.term in entries:
            skipped += 1
        else:
            entries[entry.term] = entry
    return Parsed(tuple(entries.values()), skipped_count=skipped)


def _parse_anki(text: str, provenance: Provenance) -> Parsed:
    """An object Devanagari → [IAST, gloss, note, kind]; control characters in its strings are tolerated."""
    document = load_json(text)
    if not isinstance(document, dict):
        raise ImportBroken([broken(1, "expected a JSON object: Devanagari → [IAST, gloss, note, kind]")])
    entries: dict[str, Entry] = {}
    for fields in document.values():
        iast, gloss, _note, kind = (
            ([str(part) for part in fields] + [""] * 4)[:4] if isinstance(fields, list) else [""] * 4
        )
        gloss = " ".join(gloss.split())[:MAX_GLOSS]
        entry = _foreign(to_iast(iast.strip().lower()), gloss, kind, provenance)
        if entry is not None:
            entries.setdefault(entry.term, entry)
    return Parsed(tuple(entries.values()), skipped_count=len(document) - len(entries))


def _foreign(term: str, gloss: str, kind: str, provenance: Provenance) -> Entry | None:
    """An entry of a source that is not ours; None where it is no well-formed term with a gloss."""
    entry = Entry(
        term=term,
        domain=provenance.default_domain,
        field=kind,
        part_of_speech="",
        gloss=gloss,
        source=provenance.source,
        license=provenance.license,
    )
    return None if len(term) < 2 or problem_of(entry) else entry


_PARSERS: dict[LexiconFormat, Callable[[str, Provenance], Parsed]] = {
    LexiconFormat.TSV: _parse_tsv,
    LexiconFormat.JSON_LINES: _parse_json_lines,
    LexiconFormat.CDSL: _parse_cdsl,
    LexiconFormat.ANKI_JSON: _parse_anki,
    LexiconFormat.VERSES_JSON: parse_verses_json,
    LexiconFormat.TEI: parse_tei,
    LexiconFormat.VERSES_TSV: parse_verses_tsv,
}
