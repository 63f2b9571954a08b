"""Reads files of verses: our TSV, the JSON of Gītā applications, and TEI."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from shodhana.errors import FieldViolation
from shodhana.text.iast import breaches
from shodhana.text.normalize import refused_characters, to_iast
from shodhana.text.transliterate import iast_of_devanagari

from .imported import ImportBroken, Parsed, Provenance, broken, load_json
from .lexicon import Verse

MAX_VERSE = 4_000  # characters
MAX_REFERENCE = 100
MAX_DEPTH = 100  # of elements: the text of each is that of all within it
LINE = " / "  # parts the lines of a verse
TEI = "{http://www.tei-c.org/ns/1.0}"
OPENINGS = {"dharmakṣetre kurukṣetre samavetā yuyutsavaḥ": "BG"}  # a text is known by its first words

_NUMBER = re.compile(r"\s*[।॥|]*\s*[\d०-९]+\.[\d०-९]+\s*[।॥|]*\s*$")
_SPEAKER = re.compile(r"^(\S+ उवाच)\s*", re.M)  # some files run it into the verse
_LINE_END = re.compile(r"\s*[\n।॥|]+\s*")
_TEI_REFERENCE = re.compile(r"\|\|\s*(\w+?)_([\d.]+)\s*\|\|")
_CREATIVE_COMMONS = re.compile(r"creativecommons\.org/licenses/([a-z-]+)/([\d.]+)")


def parse_verses_tsv(text: str, provenance: Provenance) -> Parsed:
    """Rows of reference and text, its lines parted by " / "."""
    rows = csv.DictReader(text.replace("\r\n", "\n").split("\n"), delimiter="\t", quoting=csv.QUOTE_NONE)
    verses: list[Verse] = []
    violations: list[FieldViolation] = []
    try:
        for row in rows:
            reference, written = (" ".join((row.get(name) or "").split()) for name in ("reference", "text"))
            if problem := _problem(reference, written):
                violations.append(broken(rows.line_num, problem))
            else:
                verses.append(Verse(provenance.source, reference, to_iast(written), provenance.license))
    except csv.Error as error:  # a carriage return alone, a field of more than 128 KiB
        raise ImportBroken([broken(rows.line_num + 1, str(error))]) from error
    if violations:
        raise ImportBroken(violations)
    return Parsed(verses=tuple(verses))


def parse_verses_json(text: str, provenance: Provenance) -> Parsed:
    """An array of verses in Devanagari with their chapter and number."""
    document = load_json(text)
    if not isinstance(document, list):
        raise ImportBroken([broken(1, "expected a JSON array of verses")])
    numbered = [_numbered(number, item) for number, item in enumerate(document)]
    name = provenance.text or _known_by_opening(numbered)
    return _checked(
        Verse(provenance.source, f"{name} {place}".strip(), LINE.join(lines), provenance.license)
        for place, lines in numbered
    )


def parse_tei(text: str, provenance: Provenance) -> Parsed:
    """Verse lines (`<l>`) that end in `|| XY_1.2 ||`; where the import names no licence, that of the header."""
    try:
        root = ElementTree.fromstring(text.encode())
    except ParseError as error:
        raise ImportBroken([broken(error.position[0], f"not readable as XML: {error}")]) from error
    except DefusedXmlException as error:
        raise ImportBroken([broken(1, "entity declarations are not allowed")]) from error
    except (LookupError, ValueError) as error:
        raise ImportBroken([broken(1, f"not readable as XML: {error}; save it as UTF-8")]) from error
    if _is_deep(root):
        raise ImportBroken([broken(1, f"elements are nested more than {MAX_DEPTH} deep")])
    license_name = provenance.license or _license_of(root)
    return _checked(
        Verse(provenance.source, f"{provenance.text or name} {place}", written, license_name)
        for name, place, written in _tei_verses(root)
    )


def _checked(verses: Iterable[Verse]) -> Parsed:
    """Verses of a source that is not ours: their words are its own, but not every character is taken."""
    found = tuple(verses)
    violations = [
        broken(1, f"verse {number}: {problem}")
        for number, verse in enumerate(found)
        if (problem := _unfit(verse.reference, verse.text))
    ]
    if violations:
        raise ImportBroken(violations)
    return Parsed(verses=found)


def _is_deep(root: Element) -> bool:
    layer, depth = [root], 0
    while layer and depth <= MAX_DEPTH:
        layer, depth = [child for element in layer for child in element], depth + 1
    return bool(layer)


def _tei_verses(root: Element) -> Iterator[tuple[str, str, str]]:
    joined = ""
    for element in root.iter(f"{TEI}l"):
        joined = f"{joined}{LINE}{' '.join(''.join(element.itertext()).split())}"[-MAX_VERSE:]
        if match := _TEI_REFERENCE.search(joined):
            yield match[1], match[2], to_iast(joined[: match.start()].strip(" /|"))
            joined = ""


def _numbered(number: int, item: Any) -> tuple[str, list[str]]:
    """The place and the lines of a verse."""
    try:
        place = f"{int(item['chapter_number'])}.{int(item['verse_number'])}"
        written = _SPEAKER.sub("\\1\n", _NUMBER.sub("", item["text"][:MAX_VERSE].strip()))
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise ImportBroken([broken(1, f"verse {number}: no text, chapter_number or verse_number")]) from error
    if refused := refused_characters(written):
        raise ImportBroken([broken(1, f"verse {number}: {refused[0][1]} is not allowed")])
    return place, [iast_of_devanagari(line) for line in _LINE_END.split(written) if line]


def _known_by_opening(verses: list[tuple[str, list[str]]]) -> str:
    lines = [line for _, lines in verses[:1] for line in lines]
    return next((name for opening, name in OPENINGS.items() if opening in lines), "")


def _license_of(root: Element) -> str:
    """The SPDX identifier of the licence in the header; empty where there is none that is known."""
    targets = (element.get("target", "") for element in root.iter(f"{TEI}licence"))
    found = (_CREATIVE_COMMONS.search(target) for target in targets)
    return next((f"CC-{match[1].upper()}-{match[2]}" for match in found if match), "")


def _problem(reference: str, written: str) -> str | None:
    if problem := _unfit(reference, written):
        return problem
    if not written or len(written) > MAX_VERSE:
        return f"the text is missing or longer than {MAX_VERSE} characters"
    breach = next((breach for word in written.replace("/", " ").split() for breach in breaches(to_iast(word))), None)
    return f"verse {reference}: {breach.description}" if breach else None


def _unfit(reference: str, written: str) -> str | None:
    if not reference or len(reference) > MAX_REFERENCE or "/" in reference:
        return f"the reference is missing, longer than {MAX_REFERENCE} characters or holds a slash"
    refused = refused_characters(f"{reference}{written}")
    return f"{refused[0][1]} is not allowed" if refused else None
